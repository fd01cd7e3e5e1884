import { type ConfigError, cors, pipeline } from '@palisade/core'
import { describe, expect, test } from 'vitest'
import { factories } from './factories.js'

/** Options of other libraries, and of the first plans of this one: what a team types on its first day. */
const TYPED = [
  ['rateLimit', 'windowMs', 'window'],
  ['rateLimit', 'max', 'limit'],
  ['rateLimit', 'keyGenerator', 'key'],
  ['rateLimit', 'standardHeaders', 'headers'],
  ['rateLimit', 'legacyHeaders', 'headers'],
  ['rateLimit', 'timeWindow', 'window'],
  ['rateLimit', 'skipSuccessfulRequests', 'count'],
  ['rateLimit', 'requestWasSuccessful', 'isFailure'],
  ['createLimiter', 'points', 'limit'],
  ['createLimiter', 'duration', 'window'],
  ['failban', 'maxAttempts', 'maxViolations'],
  ['failban', 'windowMs', 'violationWindow'],
  ['failban', 'whitelist', 'allow'],
  ['failban', 'blacklist', 'deny'],
  ['failban', 'bantime', 'banDuration'],
  ['failban', 'maxretry', 'maxViolations'],
  ['failban', 'findtime', 'violationWindow'],
  ['ipFilter', 'allowlist', 'allow'],
  ['requestId', 'headerName', 'header'],
  ['cors', 'allowedHeaders', 'allowHeaders'],
  ['cors', 'exposedHeaders', 'exposeHeaders'],
  ['securityHeaders', 'contentSecurityPolicy', 'csp'],
  ['securityHeaders', 'frameguard', 'xFrameOptions'],
  ['securityHeaders', 'hidePoweredBy', 'xPoweredBy'],
  ['jwt', 'getToken', 'from'],
  ['jwt', 'jwtFromRequest', 'from'],
  ['jwt', 'secretOrKey', 'secret'],
  ['apiKey', 'headerName', 'header'],
  ['metrics', 'maxPathsTracked', 'maxRoutes'],
  ['metrics.counter', 'labelNames', 'labels'],
  ['metrics.histogram', 'percentiles', 'buckets'],
  ['check', 'check', 'run'],
  ['health', 'healthChecks', 'checks'],
  ['gracefulShutdown', 'onSignal', 'handlers'],
  ['pipeline', 'trustProxy', 'trust'],
  ['rateLimit', 'dryRun', 'mode'],
] as const

const ALLOWED = { origin: '"*"', trust: 'trustedProxies()' }

function refusalOf(build: () => unknown): ConfigError {
  try {
    build()
  } catch (error) {
    return error as ConfigError
  }
  throw new Error('it was accepted')
}

describe('an option by the name of another library', () => {
  test.each(TYPED)('given %s with %s then the error says that it is called %s here', (owner, name, here) => {
    const [, build, valid] = factories.find(([known, , , , , at]) => known === owner && at === '') ?? []
    const error = refusalOf(() => build?.({ ...valid, [name]: 1 } as never))
    expect(error.message).toContain(`it is called "${here}" here`)
  })

  test.each([
    ['cors', 'origin', () => cors({ origin: true as never })],
    ['pipeline', 'trust', () => pipeline({ trust: true as never })],
  ])('given %s with %s: true, as elsewhere, then the error says what to write', (owner, option, build) => {
    const error = refusalOf(build)
    expect([error.owner, error.option]).toEqual([owner, option])
    expect(error.message).toContain(ALLOWED[option as keyof typeof ALLOWED])
  })
})
