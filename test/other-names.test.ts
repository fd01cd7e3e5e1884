import { type ConfigError, cors, type Middleware, pipeline, requestId } from '@palisade/core'
import type { AcceptedName } from '@palisade/core/middleware'
import { inject } from '@palisade/core/testing'
import { failban, ipFilter } from '@palisade/failban'
import { check } from '@palisade/health'
import { createLimiter, rateLimit } from '@palisade/ratelimit'
import { describe, expect, test } from 'vitest'
import { factories } from './factories.js'

/**
 * Options of other libraries, and of the first plans of this one: what a team types on its first
 * day.
 */
const TYPED = [
  ['rateLimit', 'max', 'limit'],
  ['rateLimit', 'keyGenerator', 'key'],
  ['rateLimit', 'standardHeaders', 'headers'],
  ['rateLimit', 'legacyHeaders', 'headers'],
  ['rateLimit', 'timeWindow', 'window'],
  ['rateLimit', 'skipSuccessfulRequests', 'count'],
  ['rateLimit', 'requestWasSuccessful', 'isFailure'],
  ['createLimiter', 'points', 'limit'],
  ['createLimiter', 'duration', 'window'],
  ['failban', 'bantime', 'banDuration'],
  ['failban', 'maxretry', 'maxViolations'],
  ['failban', 'findtime', 'violationWindow'],
  ['ipFilter', 'allowlist', 'allow'],
  ['cors', 'allowedHeaders', 'allowHeaders'],
  ['cors', 'exposedHeaders', 'exposeHeaders'],
  ['securityHeaders', 'contentSecurityPolicy', 'csp'],
  ['securityHeaders', 'frameguard', 'xFrameOptions'],
  ['securityHeaders', 'hidePoweredBy', 'xPoweredBy'],
  ['jwt', 'getToken', 'from'],
  ['jwt', 'jwtFromRequest', 'from'],
  ['jwt', 'secretOrKey', 'secret'],
  ['metrics.counter', 'labelNames', 'labels'],
  ['metrics.histogram', 'percentiles', 'buckets'],
  ['health', 'healthChecks', 'checks'],
  ['gracefulShutdown', 'onSignal', 'handlers'],
  ['pipeline', 'trustProxy', 'trust'],
  ['rateLimit', 'dryRun', 'mode'],
  ['concurrencyLimit', 'maxAttempts', 'limit'],
  ['basic', 'maxAttempts', 'perClient', 'lockout'],
  ['authenticate', 'mode', 'login', 'rules[0]'],
  ['jwt', 'max', 'maxKeys', 'cache'],
  ['basic', 'max', 'maxKeys', 'cache'],
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
  test.each(TYPED)('given %s with %s then the error says that it is called %s here', (...typed) => {
    const [owner, name, here, place = ''] = typed
    const [, build, valid] = factoryOf(owner, place)
    const error = refusalOf(() => build({ ...valid, [name]: 1 } as never))
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

/** Every name that is accepted beside that of the option, where it stands, and a value of it. */
const ACCEPTED: readonly (readonly [
  owner: string,
  place: string,
  other: AcceptedName,
  option: string,
  value: unknown,
])[] = [
  ['rateLimit', '', 'maxAttempts', 'limit', 5],
  ['rateLimit', '', 'windowMs', 'window', 60_000],
  ['rateLimit', 'policies[0]', 'maxAttempts', 'limit', 5],
  ['rateLimit', 'policies[0]', 'windowMs', 'window', 60_000],
  ['createLimiter', '', 'maxAttempts', 'limit', 5],
  ['createLimiter', '', 'windowMs', 'window', 60_000],
  ['createLimiter', 'policies[0]', 'maxAttempts', 'limit', 5],
  ['createLimiter', 'policies[0]', 'windowMs', 'window', 60_000],
  ['failban', '', 'maxAttempts', 'maxViolations', 5],
  ['failban', '', 'windowMs', 'violationWindow', 60_000],
  ['failban', '', 'whitelist', 'allow', ['10.0.0.0/8']],
  ['failban', '', 'blacklist', 'deny', ['10.0.0.0/8']],
  ['ipFilter', '', 'whitelist', 'allow', ['10.0.0.0/8']],
  ['ipFilter', '', 'blacklist', 'deny', ['10.0.0.0/8']],
  ['requestId', '', 'headerName', 'header', 'X-Trace'],
  ['apiKey', '', 'headerName', 'header', 'x-key'],
  ['metrics', '', 'maxPathsTracked', 'maxRoutes', 100],
  ['check', '', 'check', 'run', () => true],
]

function factoryOf(owner: string, place: string) {
  const found = factories.find(([known, , , , , at]) => known === owner && at === place)
  if (found === undefined) throw new Error(`${owner} has no row with ${place}`)
  return found
}

/** What a factory makes of its valid options, one of them by these names instead. */
const built = (owner: string, place: string, option: string, names: Readonly<Record<string, unknown>>) => {
  const [, build, valid] = factoryOf(owner, place)
  const { [option]: _, ...rest } = { ...(valid as object) } as Record<string, unknown>
  return build({ ...rest, ...names } as never)
}

const WRONG = Symbol('no option takes it')

describe.each(ACCEPTED)(
  'given %s%s with %s, which is the same as %s',
  (owner, place, other, option, value) => {
    const at = (name: string) => (place === '' ? name : `${place}.${name}`)

    test('then it is accepted', () => {
      expect(() => built(owner, place, option, { [other]: value })).not.toThrow()
    })

    test('when it is wrong, then the error names what was typed, and what the option allows', () => {
      const refusal = (name: string) => refusalOf(() => built(owner, place, option, { [name]: WRONG }))
      expect(refusal(other).option).toBe(at(other))
      expect(refusal(other).message).toBe(refusal(option).message.replace(at(option), at(other)))
    })

    test('when both are given, then it is a ConfigError, also if they are equal', () => {
      const error = refusalOf(() => built(owner, place, option, { [option]: value, [other]: value }))
      expect([error.owner, error.option]).toEqual([owner, at(other)])
      expect(error.message).toContain(`nothing beside "${option}", which is the same option`)
    })

    test('when one of both is undefined, then the other counts', () => {
      for (const names of [
        { [option]: undefined, [other]: value },
        { [option]: value, [other]: undefined },
      ])
        expect(() => built(owner, place, option, names)).not.toThrow()
    })
  },
)

describe('given an option by its other name', () => {
  const status = async (middleware: Middleware) => {
    const edge = pipeline().use(middleware)
    const { status } = await inject(edge, { peer: '10.1.2.3' })
    await edge.dispose()
    return status
  }

  test('then it does what the option does', async () => {
    const refusing = { maxAttempts: 0, windowMs: 60_000 }
    expect(await status(rateLimit(refusing))).toBe(429)
    expect(await status(rateLimit({ policies: [refusing] }))).toBe(429)
    expect(createLimiter(refusing).consume('ada').allowed).toBe(false)
    expect(await status(ipFilter({ blacklist: ['10.0.0.0/8'] }))).toBe(403)
    expect(await status(ipFilter({ whitelist: ['192.0.2.0/24'] }))).toBe(403)
    expect(await status(failban({ blacklist: ['10.0.0.0/8'] }))).toBe(403)
    expect(await status(failban({ whitelist: ['10.0.0.0/8'], blacklist: ['10.0.0.0/8'] }))).toBe(200)
    expect(await check({ name: 'one', check: () => false }).run(new AbortController().signal)).toBe(false)
    const { headers } = await inject(pipeline().use(requestId({ headerName: 'X-Trace' })))
    expect(headers['x-trace']).toBeDefined()
  })

  test('when jails are listed, then the short form is refused by that name too', () => {
    const jails = [{ name: 'one', threshold: 5, window: '1m', ban: '1h' }]
    for (const short of [{ maxAttempts: 5 }, { windowMs: 60_000 }])
      expect(refusalOf(() => failban({ ...short, jails } as never)).message).toContain('not both')
  })
})
