import {
  bindMethods,
  booleanResult,
  callback,
  checkOptions,
  type Duration,
  duration,
  flag,
  integer,
  type MaybePromise,
  type Middleware,
  type Mode,
  mode,
  type Outcome,
  object,
  oneOf,
  optional,
  Reply,
  type RequestContext,
} from '@palisade/core/middleware'
import { policyName } from './counting/policy.js'
import { boundedKey } from './keys/bounded-key.js'
import { byClient, keyFunction } from './keys/builders.js'
import { type KeyFunction, requireKeyless } from './keys/key-function.js'
import { type NamedLimit, violate } from './violations.js'
import { Gate, type WaitEnd } from './waiting/gate.js'

export interface ConcurrencyLimitOptions<State extends object = {}> {
  /** How many requests of one key may be under way; 0 refuses all. */
  limit: number
  /** Default `byClient()`. `() => 'all'` limits the server as a whole. */
  key?: KeyFunction<State>
  /**
   * Lets so many requests of a key wait for a place, each at most so long. Without it they are
   * refused at once.
   */
  queue?: { size: number; timeout: Duration }
  /** Appears in answers and events. Default `concurrency`. */
  name?: string
  /**
   * Whether a refusal speaks against the client and may lead to a ban. Default false: a browser
   * that loads a page sends many requests at the same time.
   */
  violation?: boolean
  /** A request that lacks its key is refused with 400 (default), or not counted. */
  whenKeyMissing?: 'refuse' | 'skip'
  /**
   * `shadow` counts and emits the event of its decision, and refuses nothing. Default `enforce`.
   */
  mode?: 'enforce' | 'shadow'
  /** Requests that are neither counted nor refused. */
  skip?: (ctx: RequestContext<State>) => boolean
}

export interface ConcurrencyLimitMiddleware<State extends object = {}> extends Middleware<State> {
  /**
   * Changes the limit from now on; requests inside stay.
   *
   * @throws ConfigError
   */
  setLimit(limit: number): void
}

/**
 * Refuses with 429 the requests of one key at the same time beyond a limit: slow requests that pile
 * up, downloads that hold every worker.
 *
 * A place is taken before the handler runs. It is free again when the response has really ended,
 * also if the client left or other code, such as a timeout of the team's, answered. A waiting
 * request then leaves the line. Counts in this process only; memory is bounded by the requests
 * under way and their lines. Fails closed: a key function that throws is a 500.
 *
 *     pipeline().use(concurrencyLimit({ limit: 10, queue: { size: 50, timeout: '2s' } }))
 *
 * @throws ConfigError for a wrong or unknown option
 */
export function concurrencyLimit<State extends object = {}>(
  options: ConcurrencyLimitOptions<State>,
): ConcurrencyLimitMiddleware<State> {
  const limit = new ConcurrencyLimit<State>(options)
  return bindMethods(limit, 'onRequest', 'onResponse', 'setLimit', 'dispose')
}

const limitOption = integer({ min: 0, max: 1_000_000 })

/** How often the refusals of one client are a violation. */
const VIOLATION_EVERY_MS = 60_000

class ConcurrencyLimit<State extends object> implements ConcurrencyLimitMiddleware<State> {
  readonly name = 'concurrency-limit'
  /** As events and answers name it. */
  readonly #policy: NamedLimit<State>
  readonly #queue: { size: number; timeout: number } | undefined
  readonly #mode: Mode
  readonly #refusesKeyless: boolean
  readonly #skip: ((ctx: RequestContext<State>) => boolean) | undefined
  readonly #gates = new Map<string, Gate>()
  /** The key of the gate that a request went through, or how it leaves the line in front of one. */
  readonly #places = new WeakMap<object, string | (() => void)>()
  readonly #isViolation: boolean
  #limit: number

  constructor(options: ConcurrencyLimitOptions<State>) {
    const checked = checkConcurrencyLimit<State>(options)
    this.#limit = checked.limit
    this.#policy = {
      name: checked.name,
      window: VIOLATION_EVERY_MS,
      key: checked.key ?? (byClient() as KeyFunction<State>),
    }
    this.#queue = checked.queue
    this.#isViolation = checked.violation
    this.#mode = checked.mode
    this.#refusesKeyless = checked.whenKeyMissing === 'refuse'
    this.#skip = checked.skip
  }

  onRequest(ctx: RequestContext<State>): MaybePromise<Reply | undefined> {
    // A request that is decided anew, since it was rewritten, keeps its place: a second one would
    // never be free again.
    if (this.#places.has(ctx)) return undefined
    if (this.#skip !== undefined && booleanResult('concurrencyLimit: skip', this.#skip(ctx))) return undefined
    const found = this.#policy.key(ctx)
    if (typeof found !== 'string' || found === '') {
      requireKeyless(found)
      return found === false || !this.#refusesKeyless ? undefined : this.#refuseKeyless(ctx)
    }
    const key = boundedKey(found)
    const gate = this.#gateOf(key)
    if (gate.enter(this.#limit)) return this.#admit(ctx, key)
    if (this.#mode === 'shadow') {
      gate.force()
      this.#places.set(ctx, key)
      return this.#refuse(ctx)
    }
    if (this.#queue !== undefined && this.#limit > 0 && gate.waiting < this.#queue.size)
      return this.#waitInLine(ctx, key, gate, this.#queue.timeout)
    this.#forget(key, gate)
    return this.#refuse(ctx)
  }

  onResponse(ctx: RequestContext<State>, _outcome: Outcome): void {
    const place = this.#places.get(ctx)
    if (place === undefined) return
    this.#places.delete(ctx)
    // Whatever ended the response: a place that it got from now on would never be given back.
    if (typeof place === 'function') place()
    else this.#leave(place)
  }

  setLimit(limit: number): void {
    this.#limit = limitOption(limit, { owner: 'concurrencyLimit.setLimit', option: 'limit' })
    for (const gate of this.#gates.values()) gate.admit(this.#limit)
  }

  dispose(): void {
    for (const gate of this.#gates.values()) gate.close()
  }

  #admit(ctx: RequestContext<State>, key: string): undefined {
    this.#places.set(ctx, key)
    ctx.allowed(this.name, this.#policy.name)
  }

  #leave(key: string): void {
    const gate = this.#gates.get(key)
    if (gate === undefined) return
    gate.leave(this.#limit)
    this.#forget(key, gate)
  }

  #waitInLine(
    ctx: RequestContext<State>,
    key: string,
    gate: Gate,
    timeout: number,
  ): Promise<Reply | undefined> {
    return new Promise(resolve => {
      const leave = gate.wait(timeout, end => {
        // At once, so that a client that leaves in this very moment gives the place back.
        if (end === 'entered') this.#admit(ctx, key)
        else {
          this.#places.delete(ctx)
          this.#forget(key, gate)
        }
        resolve(this.#answerTo(ctx, end))
      })
      this.#places.set(ctx, leave)
    })
  }

  #answerTo(ctx: RequestContext<State>, end: WaitEnd): Reply | undefined {
    switch (end) {
      case 'entered':
        return undefined
      case 'timeout':
        return this.#refuse(ctx)
      case 'left':
        // The client has left: the answer is not read, and the handler need not run.
        return new Reply(503)
      case 'closed':
        return ctx.deny({
          status: 503,
          code: 'SERVICE_UNAVAILABLE',
          message: 'The server is stopping',
          by: this.name,
          rule: this.#policy.name,
        })
    }
  }

  #gateOf(key: string): Gate {
    const known = this.#gates.get(key)
    if (known !== undefined) return known
    const gate = new Gate()
    this.#gates.set(key, gate)
    return gate
  }

  #forget(key: string, gate: Gate): void {
    if (gate.isIdle && this.#gates.get(key) === gate) this.#gates.delete(key)
  }

  #refuse(ctx: RequestContext<State>): Reply | undefined {
    const { name } = this.#policy
    if (this.#isViolation && this.#mode === 'enforce') violate(ctx, [this.#policy])
    const denial = {
      status: 429,
      code: 'RATE_LIMITED',
      message: 'Too many requests at the same time',
      details: { policies: [{ name, limit: this.#limit }] },
      retryAfterSeconds: 1,
      reason: `over "${name}"`,
      by: this.name,
      rule: name,
    }
    return ctx.deny(denial, this.#mode)
  }

  #refuseKeyless(ctx: RequestContext<State>): Reply | undefined {
    const { name } = this.#policy
    const denial = {
      status: 400,
      code: 'BAD_REQUEST',
      message: 'The request lacks what its limit is counted by',
      reason: `the key function of "${name}" found no key`,
      by: this.name,
      rule: name,
    }
    return ctx.deny(denial, this.#mode)
  }
}

/** @throws ConfigError for a wrong or unknown option */
function checkConcurrencyLimit<State extends object>(options: ConcurrencyLimitOptions<State>) {
  return checkOptions('concurrencyLimit', options, {
    limit: limitOption,
    key: optional(keyFunction<State>()),
    queue: optional(
      object({ size: integer({ min: 1, max: 100_000 }), timeout: duration({ min: 1, max: '1h' }) }),
    ),
    name: optional(policyName, 'concurrency'),
    violation: optional(flag, false),
    whenKeyMissing: optional(oneOf('refuse', 'skip'), 'refuse'),
    mode,
    skip: optional(callback<(ctx: RequestContext<State>) => boolean>()),
  })
}
