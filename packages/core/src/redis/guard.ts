import { bindMethods } from '../kernel/bind-methods.js'
import { type Check, callback, checkOptions, having, integer, object, optional } from '../options/check.js'
import { type Duration, duration } from '../options/duration.js'
import { refuse } from '../options/option-path.js'
import { type Clock, systemClock } from '../vocabulary/clock.js'
import { type BreakerState, CircuitBreaker } from './breaker.js'
import { type RedisClient, type RedisCommand, redisClient } from './client.js'
import { Deadlines } from './deadlines.js'
import { isOutage, RedisUnavailableError, withoutArguments } from './redis-error.js'
import { type RedisScript, runScript, wrongKeys } from './script.js'

export interface RedisGuardOptions {
  /**
   * How long a call may wait. Default 100 ms. It bounds real waiting on a socket, so it is not
   * measured by `clock`.
   */
  readonly deadline?: Duration
  readonly breaker?: {
    /** Failures in a row after which Redis is not asked for a while. Default 5. */
    readonly failures?: number
    /** Until the first probe. Default 500 ms; doubled by each probe that fails. */
    readonly backoff?: Duration
    /** What the back-off never exceeds. Default 10 s. */
    readonly maxBackoff?: Duration
  }
  /** Called on each change of `state`; a throw in it is ignored. */
  readonly onStateChange?: (state: BreakerState, previous: BreakerState) => void
  /**
   * Maximum number of calls without an answer from the client, those past their deadline included;
   * more fail at once. Default 10,000. Otherwise a client that queues while it is offline would
   * take the calls of the whole outage.
   */
  readonly maxPending?: number
  /** Measures the breaker's back-off. */
  readonly clock?: Clock
}

/**
 * Redis as a store uses it: every call ends in time, and every failure is a
 * `RedisUnavailableError`.
 */
export interface GuardedRedis {
  readonly state: BreakerState
  /**
   * Whether a call would be sent now. False while the breaker is open: a store with an answer of
   * its own can then give it without waiting for a promise.
   */
  readonly available: boolean
  /**
   * Runs a script, in one round trip.
   *
   * @param late given the reply that comes after the deadline: the call was rejected, and executed
   * all the same. At most once, never after `dispose()`, and for no more calls than `maxPending`. A
   * throw in it is ignored
   * @throws RedisUnavailableError (rejects, never throws)
   * @throws TypeError (rejects) for a number of keys that the script does not take: a fault of the
   * store, not of Redis
   */
  run<Reply>(
    script: RedisScript<Reply>,
    keys: readonly string[],
    args?: readonly string[],
    late?: (reply: Reply) => void,
  ): Promise<Reply>
  /**
   * Sends one command; `key` as in `RedisClient`. Not for commands that block. @throws
   * RedisUnavailableError (rejects, never throws)
   */
  send(command: RedisCommand, key?: string): Promise<unknown>
  /**
   * Ends what still waits, with `REDIS_FAILED`, and refuses what comes. The client stays open: it
   * is the team's.
   */
  dispose(): void
}

const OWNER = 'guardRedis'

const BREAKER = object({
  failures: optional(integer({ min: 1, max: 10_000 }), 5),
  backoff: optional(duration({ max: '1h' })),
  maxBackoff: optional(duration({ max: '1h' })),
})

const OPTIONS = {
  deadline: optional(duration({ max: '1m' })),
  breaker: ((value = {}, at) => BREAKER(value, at)) satisfies Check<unknown>,
  onStateChange: optional(
    callback<(state: BreakerState, previous: BreakerState) => void>('a function of the new state'),
  ),
  maxPending: optional(integer({ min: 1, max: 10_000_000 }), 10_000),
  clock: optional(having<Clock>('a Clock', 'now', 'monotonic'), systemClock),
}

/**
 * Puts a deadline and a circuit breaker between a store and Redis.
 *
 * Protects requests from a Redis that is slow, frozen, gone or unreachable: a call waits at most
 * the deadline, and after a few failures it does not wait at all. Fails with a typed error and
 * decides nothing: the store decides what an unavailable Redis means. One guard serves one store,
 * see `CircuitBreaker`. A call that missed its deadline may still be executed later; the store's
 * scripts must tolerate that. Its late reply goes to the caller that asked for it; otherwise it is
 * dropped, as a late rejection is.
 *
 * @throws ConfigError for a client or an option that is wrong
 */
export function guardRedis(client: RedisClient, options: RedisGuardOptions = {}): GuardedRedis {
  const guard = new BoundedRedis(redisClient(client, { owner: OWNER, option: 'client' }), options)
  return bindMethods(guard, 'run', 'send', 'dispose')
}

class BoundedRedis implements GuardedRedis {
  readonly #client: RedisClient
  readonly #deadlineMs: number
  readonly #deadlines: Deadlines
  readonly #breaker: CircuitBreaker
  readonly #maxPending: number
  #pending = 0
  #disposed = false
  #lastOutage: RedisUnavailableError | undefined
  /**
   * One error for all calls that an open breaker refuses: an outage is when making stack traces is
   * least affordable.
   */
  #refusal: RedisUnavailableError | undefined

  constructor(client: RedisClient, options: RedisGuardOptions) {
    const checked = checkOptions(OWNER, options, OPTIONS)
    const { deadline = 100, onStateChange, clock } = checked
    const { failures, backoff = 500, maxBackoff = Math.max(backoff, 10_000) } = checked.breaker
    if (maxBackoff < backoff)
      refuse({ owner: OWNER, option: 'breaker.maxBackoff' }, maxBackoff, `at least backoff, ${backoff} ms`)
    this.#client = client
    this.#deadlineMs = deadline
    this.#deadlines = new Deadlines(deadline)
    this.#maxPending = checked.maxPending
    this.#breaker = new CircuitBreaker({ failures, backoff, maxBackoff, onChange: onStateChange }, clock)
  }

  get state(): BreakerState {
    return this.#breaker.state
  }

  get available(): boolean {
    return !this.#disposed && this.#breaker.admits
  }

  run<Reply>(
    script: RedisScript<Reply>,
    keys: readonly string[],
    args: readonly string[] = [],
    late?: (reply: Reply) => void,
  ): Promise<Reply> {
    const wrong = wrongKeys(script, keys)
    if (wrong !== undefined) return Promise.reject(wrong)
    return this.#call(script.name, () => runScript(this.#client, script, keys, args), script.read, late)
  }

  send(command: RedisCommand, key?: string): Promise<unknown> {
    return this.#call(
      command[0],
      async () => this.#client.send(command, key),
      reply => reply,
    )
  }

  dispose(): void {
    this.#disposed = true
    this.#deadlines.expireAll()
  }

  /** @param start sends the call; it may reject, and does not throw */
  #call<Reply>(
    operation: string,
    start: () => Promise<unknown>,
    read: (reply: unknown) => Reply,
    late?: (reply: Reply) => void,
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const refusal = this.#overdrawn(operation)
      if (refusal !== undefined) return reject(refusal)
      const pass = this.#breaker.enter()
      if (pass === undefined) return reject(this.#refused(operation))

      const outage = (error: RedisUnavailableError) => {
        this.#lastOutage = error
        this.#refusal = undefined
        this.#breaker.failed(pass)
        reject(error)
      }
      const waiting = this.#deadlines.add(() => {
        if (this.#disposed)
          reject(new RedisUnavailableError('REDIS_FAILED', operation, 'was ended by dispose()'))
        else
          outage(
            new RedisUnavailableError('REDIS_DEADLINE', operation, `took more than ${this.#deadlineMs} ms`),
          )
      })
      this.#pending++
      start().then(
        reply => {
          this.#pending--
          if (!waiting.done()) return this.#handOver(reply, read, late)
          this.#breaker.succeeded(pass)
          try {
            resolve(read(reply))
          } catch (error) {
            reject(failed(operation, error))
          }
        },
        (error: unknown) => {
          this.#pending--
          if (!waiting.done()) return
          if (isOutage(error)) return outage(failed(operation, error))
          this.#breaker.succeeded(pass)
          reject(failed(operation, error))
        },
      )
    })
  }

  #handOver<Reply>(
    reply: unknown,
    read: (reply: unknown) => Reply,
    late: ((reply: Reply) => void) | undefined,
  ): void {
    if (late === undefined || this.#disposed) return
    try {
      late(read(reply))
    } catch {
      // The caller has left: an error cannot be passed on.
    }
  }

  #overdrawn(operation: string): RedisUnavailableError | undefined {
    if (this.#disposed) return new RedisUnavailableError('REDIS_FAILED', operation, 'came after dispose()')
    if (this.#pending < this.#maxPending) return undefined
    const what = `was not sent, as ${this.#pending} calls wait for the client`
    return new RedisUnavailableError('REDIS_FAILED', operation, what)
  }

  #refused(operation: string): RedisUnavailableError {
    this.#refusal ??= new RedisUnavailableError(
      'REDIS_BREAKER_OPEN',
      operation,
      'was not sent, as the circuit breaker is open',
      this.#lastOutage,
    )
    return this.#refusal
  }
}

function failed(operation: string, error: unknown): RedisUnavailableError {
  const cause = withoutArguments(error)
  const what = cause instanceof Error ? cause.message : String(cause)
  return new RedisUnavailableError('REDIS_FAILED', operation, `failed: ${what}`, cause)
}
