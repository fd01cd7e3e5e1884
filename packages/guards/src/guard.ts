import {
  type BearerOptions,
  bindMethods,
  callback,
  challengeOf,
  checkOptions,
  type Decision,
  type Guard,
  type Identity,
  isPromise,
  list,
  type MaybePromise,
  type Middleware,
  type Mode,
  mode,
  optional,
  type Reply,
  type RequestContext,
  text,
} from '@palisade/core/middleware'
import type { Refusal } from './decision.js'
import { toNamed } from './define-guard.js'
import {
  type Caller,
  FACTS,
  type Fits,
  type IdentifiedContext,
  type NamedGuard,
  type StateOf,
} from './named-guard.js'

export interface GuardOptions<C = IdentifiedContext, R = unknown> {
  /** What logs and events call it. Default: the guard's own name. */
  name?: string
  /**
   * Finds the record once, for all guards that decide on one; `null` or `undefined` if the record
   * does not exist. Default: the guards get no record, and refuse unless they load one themselves.
   */
  load?: (ctx: C) => MaybePromise<R | null | undefined>
  /** The realm of challenges. Default `api`. */
  realm?: string
  /**
   * What `identity.method` says of a caller that came with a bearer token, who is told what its
   * token lacks. Default `['jwt']`.
   */
  bearerMethods?: readonly string[]
  /**
   * `shadow` asks the guard, emits the event of its decision and lets every request pass, also when
   * the guard fails. Default `enforce`.
   */
  mode?: 'enforce' | 'shadow'
}

/** The state that the middleware reads itself. At run time the identity may be missing. */
type Context = RequestContext<{ identity?: Identity }>

type Decide = (ctx: Context) => MaybePromise<Decision>

/**
 * Lets through whom the guard allows and refuses everybody else: what an authenticated caller may
 * not do.
 *
 * It must stand behind what identifies the caller: a pipeline that gives no identity does not
 * compile, and is a `ConfigError` in plain JavaScript. Fails closed: a guard that throws, rejects
 * or answers anything but a boolean or a `Decision` refuses with 500 and is logged. It decides by
 * what the context and the record say at that moment; what the handler then does with other records
 * it does not see.
 *
 *     pipeline().use(authenticate({ ... })).use(guard(requireScopes('orders:write')))
 *
 * @throws ConfigError for a wrong or unknown option
 */
export function guard<C, R>(
  guard: NamedGuard<C, R> & Fits<C>,
  options?: GuardOptions<RequestContext<StateOf<C>>, R>,
): Middleware<StateOf<C>>
export function guard<C = IdentifiedContext, R = unknown>(
  guard: Guard<C, R> & Fits<C & Caller>,
  options?: GuardOptions<RequestContext<StateOf<C & Caller>>, R>,
): Middleware<StateOf<C & Caller>>
export function guard(given: Guard<never, never>, options: object = {}): object {
  return bindMethods(new GuardMiddleware(given, options), 'onRequest')
}

class GuardMiddleware implements Middleware<{ identity: Identity }> {
  readonly name: string
  readonly needs: readonly 'identity'[]
  /** The guard, as events and logs name it. */
  readonly #rule: string
  readonly #decide: Decide
  readonly #bearer: BearerOptions
  readonly #mode: Mode

  constructor(given: Guard<never, never>, options: object) {
    const owner = 'guard'
    const { name, load, realm, bearerMethods, mode } = checkOptions(owner, options, SHAPE)
    const guard = toNamed(given, { owner, option: 'guard' })
    this.#rule = name ?? guard[FACTS].name
    this.name = `guard(${this.#rule})`
    this.needs = guard[FACTS].needs as readonly 'identity'[]
    this.#decide = loading(guard as NamedGuard<unknown, unknown>, load)
    this.#bearer = { realm, methods: bearerMethods }
    this.#mode = mode
  }

  onRequest(ctx: Context): MaybePromise<Reply | undefined> {
    if (this.#mode === 'enforce') return this.#ask(ctx)
    // In shadow mode a guard that fails lets through, too.
    const report = (error: unknown) => this.#report(ctx, error)
    try {
      const reply = this.#ask(ctx)
      return isPromise(reply) ? Promise.resolve(reply).catch(report) : reply
    } catch (error) {
      return report(error)
    }
  }

  #ask(ctx: Context): MaybePromise<Reply | undefined> {
    const decision = this.#decide(ctx)
    return isPromise(decision)
      ? (decision as Promise<Decision>).then(late => this.#conclude(ctx, late))
      : this.#conclude(ctx, decision)
  }

  #conclude(ctx: Context, decision: Decision): Reply | undefined {
    if (!decision.allow) return this.#refuse(ctx, decision)
    ctx.allowed(BY, this.#rule)
    return undefined
  }

  #refuse(ctx: Context, refusal: Refusal): Reply | undefined {
    const { status, code, message, reason } = refusal
    const challenge = challengeOf(refusal, ctx.state.identity, this.#bearer)
    const headers = challenge === undefined ? undefined : { 'WWW-Authenticate': challenge }
    const denial = { status, code, message, reason, by: BY, rule: this.#rule, ...(headers && { headers }) }
    return ctx.deny(denial, this.#mode)
  }

  #report(ctx: Context, error: unknown): undefined {
    const fields = { err: error, guard: this.#rule, request_id: ctx.requestId }
    ctx.services.logger.error(fields, 'a guard failed in shadow mode, where it lets through')
    return undefined
  }
}

const BY = 'guard'

const SHAPE = {
  name: optional(text({ max: 200 })),
  load: optional(callback<(ctx: Context) => unknown>('a function (ctx) => record')),
  realm: optional(
    text({ pattern: /^[\x20-\x7e]{1,200}$/, allowed: '1 to 200 printable ASCII characters' }),
    'api',
  ),
  bearerMethods: optional(list(text({ max: 256 }), { max: 100 }), ['jwt']),
  mode,
}

/** The guard, asked about the record that `load` finds. */
function loading(guard: NamedGuard<unknown, unknown>, load: ((ctx: Context) => unknown) | undefined): Decide {
  if (load === undefined) return guard
  return ctx => {
    const record = load(ctx)
    // What is not there is `null`: `undefined` would say that no record is asked about.
    if (isPromise(record)) return Promise.resolve(record).then(late => guard(ctx, late ?? null))
    return guard(ctx, record ?? null)
  }
}
