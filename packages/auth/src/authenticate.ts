import {
  assertIdentity,
  checkOptions,
  type Denial,
  having,
  type Identity,
  isPromise,
  type LimitDecision,
  type Limiter,
  list,
  type MaybePromise,
  type Middleware,
  mode,
  optional,
  type Reply,
  type RequestContext,
  refuse,
  within,
  wrongResult,
} from '@palisade/core/middleware'
import { clearable, Failures } from './clear-failures.js'
import { isMade } from './identity/make-identity.js'
import { type LoginOptions, loginOptions, loginRedirect } from './login/login-redirect.js'
import { logFailed, refusals } from './refusals.js'
import { Reporter } from './report/reporter.js'
import { RequestAttempt } from './request-attempt.js'
import { type AuthRule, compileRules, type Rule, ruleList } from './rules/rules.js'
import type { Attempt, Failed, Invalid, Strategy, VerifyResult } from './strategy.js'
import { isGuess, isLimited, RefusedClients, type Throttles, throttled, throttleOption } from './throttle.js'

export interface AuthenticateOptions {
  /** The ways to prove who one is; at least one, each name once. */
  strategies: readonly Strategy[]
  /** What holds where. Default: everything is required, by any strategy. A path that no rule matches is refused. */
  rules?: readonly AuthRule[]
  /** Where browsers are sent instead of a 401. Default: nowhere. */
  login?: LoginOptions
  /**
   * A limiter of wrong attempts by the name of its strategy, asked with the client key. Default: none. What it refuses is a violation of source
   * `auth-throttled`.
   */
  throttle?: Readonly<Record<string, Limiter>>
  /** `shadow`: decide and tell, but let everything through; what is not authenticated has no identity. Default `enforce`. */
  mode?: 'enforce' | 'shadow'
}

/** Options under which nothing passes without an identity. */
export interface AlwaysRequired extends AuthenticateOptions {
  rules?: readonly AuthRule<'required'>[]
  mode?: 'enforce'
}

type WithIdentity = { identity?: Identity | undefined }
type Context = RequestContext<WithIdentity>

/**
 * Finds out who is calling and puts it into `state.identity`.
 *
 * It defends what lies behind it from callers that cannot prove who they are. All strategies of the rule look for their credential first: one
 * that is found is final, so an invalid credential never becomes anonymous and never falls through to another strategy. Fails closed:
 * what throws, a store or an issuer that is down, an ambiguous path and a path without a rule all refuse.
 *
 * A preflight carries no credentials: mount `cors()` in front.
 *
 *     pipeline().use(authenticate({ strategies: [jwt({ issuer, audience, jwksUri })] }))
 *
 * @throws ConfigError for a wrong option, an unknown strategy in a rule, and rules that tie
 */
export function authenticate(options: AlwaysRequired): Middleware<{}, { identity: Identity }>
export function authenticate(options: AuthenticateOptions): Middleware<{}, { identity: Identity | undefined }>
export function authenticate(
  options: AuthenticateOptions,
): Middleware<{}, { identity: Identity | undefined }> {
  const checked = checkOptions('authenticate', options, {
    strategies: list(having<Strategy>('a strategy', 'extract', 'verify', 'challenge'), { min: 1, max: 20 }),
    rules: optional(ruleList),
    login: optional(loginOptions),
    throttle: optional(throttleOption),
    mode,
  })
  const { strategies, login, throttle: throttles } = checked
  checkNames(strategies)
  refuseUnknownThrottles(strategies, throttles)
  const findRule = checked.rules && compileRules('authenticate', checked.rules, strategies)
  const everywhere: Rule = Object.freeze({ strategies, mode: 'required', several: 'refuse' })
  const isShadow = checked.mode === 'shadow'
  const secretParameters = new Set(strategies.flatMap(strategy => strategy.secretParameters ?? []))
  const reporter = new Reporter(isShadow)
  const refused = new RefusedClients()
  const failures = new Failures(strategies, throttles ?? new Map(), refused, () => reporter.failed())

  let closed: Promise<unknown> | undefined

  return clearable(failures, {
    name: 'authenticate',
    gives: ['identity'],

    setup(services) {
      for (const strategy of strategies) strategy.setup?.(services)
      failures.learn(services)
    },

    onRequest(ctx) {
      const rule = findRule === undefined ? everywhere : findRule(ctx.path, ctx.method)
      if (rule === undefined) return deny(ctx, refusals.noRule())
      if (rule === 'ambiguous') return deny(ctx, refusals.ambiguousPath())
      if (rule.mode === 'public') return undefined
      return present(ctx, rule)
    },

    async dispose() {
      closed ??= Promise.all(strategies.map(async strategy => strategy.dispose?.()))
      await closed
    },
  })

  /** Looks for credentials, all of them before any is verified. */
  function present(ctx: Context, rule: Rule): MaybePromise<Reply | undefined> {
    let found: Strategy | undefined
    let credential: object | undefined
    for (const strategy of rule.strategies) {
      const extracted = strategy.extract(ctx as RequestContext)
      if (extracted === null) continue
      if (
        found !== undefined &&
        credential !== undefined &&
        !leaves(found, credential, strategy, extracted)
      ) {
        if (leaves(strategy, extracted, found, credential)) continue
        if (rule.several === 'first') break
        return several(ctx, [found, strategy])
      }
      if (extracted === 'malformed') return malformed(ctx, [strategy], 'malformed')
      found = strategy
      credential = extracted
      if (rule.several === 'first' && strategy.yields?.(extracted) !== true) break
    }
    if (found !== undefined && credential !== undefined) return prove(ctx, found, credential)
    if (rule.mode === 'optional') return undefined
    reporter.failure(ctx as RequestContext, { strategy: undefined, reason: 'no credentials' })
    return challenge(ctx, refusals.absent(rule.strategies))
  }

  /** Never throws and never rejects but for a mistake in here: whatever a strategy does becomes a result. */
  function prove(ctx: Context, strategy: Strategy, credential: object): MaybePromise<Reply | undefined> {
    const attempt = new RequestAttempt(ctx as RequestContext, strategy.name, refused, isShadow)
    let result: MaybePromise<VerifyResult | LimitDecision>
    try {
      result = strategy.recall?.(credential, attempt) ?? verify(ctx, strategy, credential, attempt)
    } catch (error) {
      return conclude(ctx, strategy, credential, thrown(error), attempt)
    }
    if (!isPromise(result))
      return conclude(ctx, strategy, credential, result as VerifyResult | LimitDecision, attempt)
    return (result as Promise<VerifyResult | LimitDecision>).then(
      settled => conclude(ctx, strategy, credential, settled, attempt),
      (error: unknown) => conclude(ctx, strategy, credential, thrown(error), attempt),
    )
  }

  function verify(ctx: Context, strategy: Strategy, credential: object, attempt: Attempt) {
    const limiter = throttles?.get(strategy.name)
    if (limiter === undefined) return strategy.verify(credential, attempt)
    return throttled(limiter, ctx as RequestContext, () => strategy.verify(credential, attempt))
  }

  function conclude(
    context: Context,
    strategy: Strategy,
    credential: object,
    result: VerifyResult | LimitDecision,
    attempt: Attempt,
  ): Reply | undefined {
    const ctx = context as RequestContext
    if (typeof result !== 'object' || result === null) return unknownOutcome(strategy, result)
    if (isLimited(result)) {
      const { key } = ctx.client
      const until = ctx.services.clock.monotonic() + result.retryAfterMs
      if (key !== undefined) refused.add(strategy.name, key, until)
      reporter.failure(ctx, {
        strategy,
        reason: 'throttled',
        presented: strategy.secretOf?.(credential),
        violation: 'auth-throttled',
      })
      return deny(context, refusals.throttled(result.retryAfterMs))
    }
    switch (result.outcome) {
      case 'authenticated': {
        const { identity } = result
        const fault = isMade(identity) ? undefined : faultOf(identity, strategy)
        if (fault !== undefined) return conclude(context, strategy, credential, fault, attempt)
        if (hasEnded(identity, strategy, attempt)) {
          const ended: Invalid = {
            outcome: 'invalid',
            failure: 'expired',
            reason: 'expired',
            subject: identity.subject,
          }
          return conclude(context, strategy, credential, ended, attempt)
        }
        context.state.identity = identity
        reporter.success(ctx, strategy, identity)
        return undefined
      }
      case 'invalid':
        reporter.failure(ctx, {
          ...result,
          strategy,
          presented: strategy.secretOf?.(credential),
          violation: isGuess(result) ? 'auth' : undefined,
        })
        return challenge(context, refusals.invalid(strategy, result.failure, result.reason))
      case 'refused':
        reporter.failure(ctx, { ...result, strategy, violation: result.isViolation ? 'auth' : undefined })
        return deny(context, refusals.refused(result))
      case 'error':
        // The wait for a password hash ends with the client. The runner logs it at `debug`, as every such error.
        if ((ctx as RequestContext).clientHasLeft) throw result.error
        logFailed(ctx, strategy, result)
        reporter.failure(ctx, { strategy, reason: result.reason })
        return deny(context, refusals.unavailable(result))
      default:
        return unknownOutcome(strategy, result)
    }
  }

  function several(ctx: Context, found: readonly Strategy[]): Reply | undefined {
    return malformed(ctx, found, 'several credentials')
  }

  function malformed(ctx: Context, found: readonly Strategy[], reason: string): Reply | undefined {
    // What nobody can read guesses nothing: a client that is broken so counts once.
    reporter.failure(ctx as RequestContext, {
      strategy: found[0],
      reason,
      presented: reason,
      violation: 'auth',
    })
    return deny(ctx, refusals.malformed(found, reason))
  }

  /** A 401, or the way to the login page for a person. */
  function challenge(ctx: Context, denial: Denial): Reply | undefined {
    if (login === undefined || isShadow) return deny(ctx, denial)
    ctx.appendHeader('Vary', 'Accept')
    return loginRedirect(ctx as RequestContext, login, secretParameters) ?? deny(ctx, denial)
  }

  function deny(ctx: Context, denial: Denial): Reply | undefined {
    return isShadow ? undefined : ctx.deny(denial)
  }
}

/** Whether two strategies found one and the same, and the first of them leaves it to the other. */
function leaves(
  strategy: Strategy,
  credential: object | 'malformed',
  other: Strategy,
  others: object | 'malformed',
): boolean {
  if (credential === 'malformed' || others === 'malformed' || strategy.yields?.(credential) !== true)
    return false
  const secret = strategy.secretOf?.(credential)
  return secret !== undefined && secret === other.secretOf?.(others)
}

const thrown = (error: unknown): VerifyResult => ({ outcome: 'error', error, reason: 'the strategy threw' })

/** What a strategy of a team's own calls an identity, and is none. */
function faultOf(identity: unknown, { name }: Strategy): Failed | undefined {
  try {
    assertIdentity(identity, `the strategy "${name}" returned`)
    return undefined
  } catch (error) {
    return { outcome: 'error', error, reason: 'no identity' }
  }
}

const hasEnded = ({ expiresAt }: Identity, { toleranceMs = 0 }: Strategy, { now }: Attempt) =>
  expiresAt !== undefined && expiresAt + toleranceMs <= now

/** A strategy in plain JavaScript that returns something else: a 500, by the runner. */
function unknownOutcome({ name }: Strategy, result: never): never {
  throw wrongResult(`authenticate: verify of the strategy "${name}"`, result, OUTCOMES)
}

const OUTCOMES =
  "a VerifyResult: { outcome: 'authenticated', identity }, { outcome: 'invalid', failure, reason }, { outcome: 'refused', status, message, reason, isViolation } or { outcome: 'error', error, reason }"

/** RFC 9110 section 11.1: a token. */
const SCHEME = /^[\w!#$%&'*+.^`|~-]+$/

function checkNames(strategies: readonly Strategy[]): void {
  const at = { owner: 'authenticate', option: 'strategies' }
  strategies.forEach(({ name, scheme }, index) => {
    if (typeof name !== 'string' || name === '') refuse(within(within(at, index), 'name'), name, 'a name')
    if (typeof scheme !== 'string' || !SCHEME.test(scheme))
      refuse(within(within(at, index), 'scheme'), scheme, 'an authentication scheme such as "Bearer"')
    if (strategies.findIndex(other => other.name === name) !== index)
      refuse(within(within(at, index), 'name'), name, 'a name that no other strategy has')
  })
}

function refuseUnknownThrottles(strategies: readonly Strategy[], throttles: Throttles | undefined): void {
  const names = strategies.map(({ name }) => name)
  for (const name of throttles?.keys() ?? []) {
    if (names.includes(name)) continue
    const known = names.map(each => `"${each}"`).join(', ')
    refuse({ owner: 'authenticate', option: `throttle.${name}` }, name, `the name of a strategy: ${known}`)
  }
}
