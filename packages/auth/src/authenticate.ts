import {
  assertIdentity,
  bindMethods,
  type Denial,
  type Identity,
  isPromise,
  type LimitDecision,
  type Limiter,
  type MaybePromise,
  type Middleware,
  type Reply,
  type RequestContext,
  type Services,
  wrongResult,
} from '@palisade/core/middleware'
import {
  isUnreadable,
  noCredential,
  type Presented,
  presented,
  type Unreadable,
} from './attempts/presented.js'
import { RefusedClients } from './attempts/refused-clients.js'
import { RequestAttempt } from './attempts/request-attempt.js'
import { isGuess, isLimited, type Throttles, throttled } from './attempts/throttle.js'
import { FAILURES, Failures } from './clear-failures.js'
import { AuthEvents } from './events.js'
import { isMade } from './identity/make-identity.js'
import { type Login, loginRedirect } from './login/login-redirect.js'
import { type AlwaysRequired, type AuthenticateOptions, authenticateSettings } from './options.js'
import { logFailed, refusals } from './refusals.js'
import type { FindRule, Rule } from './rules/rules.js'
import type { Attempt, Authenticated, Failed, Invalid, Refused, Strategy, VerifyResult } from './strategy.js'

type State = { identity?: Identity | undefined }
type Context = RequestContext<State>
type AuthMiddleware = Middleware<{}, { identity: Identity | undefined }>

/**
 * Finds out who is calling and puts it into `state.identity`.
 *
 * It protects the handlers from callers that cannot prove who they are. All strategies of the rule
 * look for their credential first. One that is found is final: an invalid credential never becomes
 * anonymous and never falls through to another strategy. Fails closed: a strategy that throws, a
 * store or an issuer that is down, an ambiguous path and a path without a rule are refused.
 *
 * A preflight carries no credentials: mount `cors()` in front.
 *
 *     pipeline().use(authenticate({ strategies: [jwt({ issuer, audience, jwksUri })] }))
 *
 * @throws ConfigError for a wrong option, an unknown strategy in a rule, and rules that tie
 */
export function authenticate(options: AlwaysRequired): Middleware<{}, { identity: Identity }>
export function authenticate(options: AuthenticateOptions): AuthMiddleware
export function authenticate(options: AuthenticateOptions): AuthMiddleware {
  return bindMethods(new Authenticate(options), 'setup', 'onRequest', 'dispose')
}

class Authenticate implements AuthMiddleware {
  readonly name = 'authenticate'
  readonly gives = ['identity'] as const
  /** Lets `clearFailures` find them. */
  readonly [FAILURES]: Failures
  readonly #strategies: readonly Strategy[]
  readonly #findRule: FindRule
  readonly #throttles: Throttles
  readonly #refused = new RefusedClients()
  readonly #login: Login | undefined
  /** Query parameters that no address of the login page may carry on. */
  readonly #secretParameters: ReadonlySet<string>
  readonly #events: AuthEvents
  readonly #isShadow: boolean
  #closed: Promise<unknown> | undefined

  constructor(options: AuthenticateOptions) {
    const { strategies, findRule, throttles, login, isShadow } = authenticateSettings(options)
    this.#strategies = strategies
    this.#findRule = findRule
    this.#throttles = throttles
    this.#login = login
    this.#secretParameters = new Set(strategies.flatMap(strategy => strategy.secretParameters ?? []))
    this.#events = new AuthEvents(isShadow)
    this.#isShadow = isShadow
    this[FAILURES] = new Failures(strategies, throttles, this.#refused, () => this.#events.failed())
  }

  setup(services: Services): void {
    for (const strategy of this.#strategies) strategy.setup?.(services)
    this[FAILURES].learn(services)
  }

  onRequest(ctx: Context): MaybePromise<Reply | undefined> {
    const rule = this.#findRule(ctx.path, ctx.method)
    if (rule === undefined) return this.#deny(ctx, refusals.noRule())
    if (rule === 'ambiguous') return this.#deny(ctx, refusals.ambiguousPath())
    if (rule.login === 'public') return undefined
    const found = presented(ctx as RequestContext, rule)
    if (found === undefined) return rule.login === 'optional' ? undefined : this.#concludeAbsent(ctx, rule)
    return isUnreadable(found) ? this.#concludeUnreadable(ctx, found) : this.#prove(ctx, found)
  }

  async dispose(): Promise<void> {
    this.#closed ??= Promise.all(this.#strategies.map(async strategy => strategy.dispose?.()))
    await this.#closed
  }

  /** Whatever a strategy does becomes a result, also a throw. */
  #prove(ctx: Context, found: Presented): MaybePromise<Reply | undefined> {
    const attempt = new RequestAttempt(
      ctx as RequestContext,
      found.strategy.name,
      this.#refused,
      this.#isShadow,
    )
    let result: MaybePromise<VerifyResult | LimitDecision>
    try {
      const { strategy, credential } = found
      result = strategy.recall?.(credential, attempt) ?? this.#verify(ctx, found, attempt)
    } catch (error) {
      return this.#conclude(ctx, found, thrown(error), attempt)
    }
    if (!isPromise(result)) return this.#conclude(ctx, found, result as VerifyResult | LimitDecision, attempt)
    return (result as Promise<VerifyResult | LimitDecision>).then(
      settled => this.#conclude(ctx, found, settled, attempt),
      (error: unknown) => this.#conclude(ctx, found, thrown(error), attempt),
    )
  }

  #verify(
    ctx: Context,
    { strategy, credential }: Presented,
    attempt: Attempt,
  ): MaybePromise<VerifyResult | LimitDecision> {
    if (isPromise(credential)) throw noCredential(strategy, credential)
    const limiter: Limiter | undefined = this.#throttles.get(strategy.name)
    if (limiter === undefined) return strategy.verify(credential, attempt)
    return throttled(limiter, ctx as RequestContext, () => strategy.verify(credential, attempt))
  }

  #conclude(
    ctx: Context,
    found: Presented,
    result: VerifyResult | LimitDecision,
    attempt: Attempt,
  ): Reply | undefined {
    if (typeof result !== 'object' || result === null) throw unknownOutcome(found, result)
    if (isLimited(result)) return this.#concludeThrottled(ctx, found, result)
    switch (result.outcome) {
      case 'authenticated':
        return this.#concludeAuthenticated(ctx, found, result, attempt)
      case 'invalid':
        return this.#concludeInvalid(ctx, found, result)
      case 'refused':
        return this.#concludeRefused(ctx, found, result)
      case 'error':
        return this.#concludeFailed(ctx, found, result)
      default:
        throw unknownOutcome(found, result)
    }
  }

  #concludeAuthenticated(
    ctx: Context,
    found: Presented,
    { identity }: Authenticated,
    attempt: Attempt,
  ): Reply | undefined {
    const { strategy } = found
    const fault = isMade(identity) ? undefined : faultOf(identity, strategy)
    if (fault !== undefined) return this.#concludeFailed(ctx, found, fault)
    if (hasEnded(identity, strategy, attempt)) return this.#concludeInvalid(ctx, found, ended(identity))
    ctx.state.identity = identity
    this.#events.success(ctx as RequestContext, strategy, identity)
    return undefined
  }

  #concludeInvalid(ctx: Context, { strategy, credential }: Presented, result: Invalid): Reply | undefined {
    this.#events.failure(ctx as RequestContext, {
      ...result,
      strategy,
      presented: strategy.secretOf?.(credential),
      violation: isGuess(result) ? 'auth' : undefined,
    })
    return this.#challenge(ctx, refusals.invalid(strategy, result.failure, result.reason))
  }

  #concludeRefused(ctx: Context, { strategy }: Presented, result: Refused): Reply | undefined {
    const violation = result.isViolation ? 'auth' : undefined
    this.#events.failure(ctx as RequestContext, { ...result, strategy, violation })
    return this.#deny(ctx, refusals.refused(result))
  }

  #concludeFailed(ctx: Context, { strategy }: Presented, result: Failed): Reply | undefined {
    // The wait for a password hash ends with the client. The runner logs it at `debug`, as every
    // such error.
    if (ctx.clientHasLeft) throw result.error
    logFailed(ctx as RequestContext, strategy, result)
    this.#events.failure(ctx as RequestContext, { strategy, reason: result.reason })
    return this.#deny(ctx, refusals.unavailable(result))
  }

  #concludeThrottled(
    ctx: Context,
    { strategy, credential }: Presented,
    { retryAfterMs }: LimitDecision,
  ): Reply | undefined {
    const { key } = ctx.client
    const until = ctx.services.clock.monotonic() + retryAfterMs
    if (key !== undefined) this.#refused.add(strategy.name, key, until)
    this.#events.failure(ctx as RequestContext, {
      strategy,
      reason: 'throttled',
      presented: strategy.secretOf?.(credential),
      violation: 'auth-throttled',
    })
    return this.#deny(ctx, refusals.throttled(retryAfterMs))
  }

  #concludeUnreadable(ctx: Context, { strategies, reason }: Unreadable): Reply | undefined {
    const [strategy] = strategies
    // Nothing can be guessed by it: the reason stands for the credential, so a broken client counts
    // once.
    this.#events.failure(ctx as RequestContext, { strategy, reason, presented: reason, violation: 'auth' })
    return this.#deny(ctx, refusals.malformed(strategies, reason))
  }

  #concludeAbsent(ctx: Context, { strategies }: Rule): Reply | undefined {
    this.#events.failure(ctx as RequestContext, { strategy: undefined, reason: 'no credentials' })
    return this.#challenge(ctx, refusals.absent(strategies))
  }

  /** A 401, or for the browser of a user the way to the login page. */
  #challenge(ctx: Context, denial: Denial): Reply | undefined {
    if (this.#login === undefined || this.#isShadow) return this.#deny(ctx, denial)
    ctx.appendHeader('Vary', 'Accept')
    const redirect = loginRedirect(ctx as RequestContext, this.#login, this.#secretParameters)
    return redirect ?? this.#deny(ctx, denial)
  }

  #deny(ctx: Context, denial: Denial): Reply | undefined {
    return ctx.deny(denial, this.#isShadow ? 'shadow' : 'enforce')
  }
}

const thrown = (error: unknown): Failed => ({ outcome: 'error', error, reason: 'the strategy threw' })

/** Of a strategy of the team's own that returned no whole identity. */
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

const ended = ({ subject }: Identity): Invalid => ({
  outcome: 'invalid',
  failure: 'expired',
  reason: 'expired',
  subject,
})

/** Of a strategy in plain JavaScript that returned something else: a 500, by the runner. */
function unknownOutcome({ strategy: { name } }: Presented, result: never): TypeError {
  return wrongResult(`authenticate: verify of the strategy "${name}"`, result, OUTCOMES)
}

const OUTCOMES =
  "a VerifyResult: { outcome: 'authenticated', identity }, { outcome: 'invalid', failure, reason }, { outcome: 'refused', status, message, reason, isViolation } or { outcome: 'error', error, reason }"
