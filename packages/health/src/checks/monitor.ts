import { type Clock, isPromise, type MaybePromise } from '@palisade/core/middleware'
import type { Check, CheckVerdict } from './check.js'
import { type CheckResult, judge, messageOf } from './result.js'

/**
 * Runs one check: however many probes come at once, the target gets one question at a time.
 *
 * A run that is out of time counts as failed at once, and as running until it has really ended. It
 * is not started again meanwhile: otherwise a check that hangs would add a connection per probe to
 * a target that is already in trouble.
 */
export class Monitor {
  readonly check: Check
  readonly #clock: Clock
  #last: CheckResult | undefined
  /** When `#last` came, on the steady clock. */
  #lastAt = 0
  #running: Promise<CheckResult> | undefined
  #overdue = false

  constructor(check: Check, clock: Clock) {
    this.check = check
    this.#clock = clock
  }

  /** What is known without asking: the last result, whatever its age. */
  get known(): CheckResult | undefined {
    return this.#last
  }

  /**
   * A result that still counts, or that of a run: the one under way, or a new one. Never throws,
   * never rejects.
   */
  read(): MaybePromise<CheckResult> {
    if (this.#last !== undefined && (this.#overdue || this.#isFresh())) return this.#last
    if (this.#running !== undefined) return this.#running
    return this.#start()
  }

  #isFresh(): boolean {
    return this.#clock.monotonic() - this.#lastAt < this.check.ttlMs
  }

  #start(): MaybePromise<CheckResult> {
    const startedAt = this.#clock.monotonic()
    const abort = new AbortController()
    try {
      const verdict: unknown = this.check.run(abort.signal)
      if (!isPromise(verdict)) return this.#judged(startedAt, verdict as CheckVerdict)
      this.#running = this.#wait(verdict, startedAt, abort)
      return this.#running
    } catch (error) {
      return this.#failed(startedAt, messageOf(error))
    }
  }

  #wait(verdict: PromiseLike<unknown>, startedAt: number, abort: AbortController): Promise<CheckResult> {
    return new Promise(resolve => {
      let expired = false
      const expire = () => {
        expired = true
        this.#running = undefined
        this.#overdue = true
        const { timeoutMs } = this.check
        resolve(this.#failed(startedAt, `no answer within ${timeoutMs} ms`))
        abort.abort(new DOMException(`the check took more than ${timeoutMs} ms`, 'TimeoutError'))
      }
      // Timers run before sockets are read: after a pause of this very process the answer may lie
      // there already, and is read first.
      let wake: NodeJS.Immediate | undefined
      const timer = setTimeout(() => {
        wake = setImmediate(expire)
      }, this.check.timeoutMs).unref()
      const settle = (conclude: () => CheckResult) => {
        clearTimeout(timer)
        clearImmediate(wake)
        if (expired) {
          this.#overdue = false
          return
        }
        this.#running = undefined
        resolve(conclude())
      }
      // A thenable that is no promise may throw in its `then`, where no code would catch it.
      Promise.resolve(verdict).then(
        value => settle(() => this.#judged(startedAt, value as CheckVerdict)),
        error => settle(() => this.#failed(startedAt, messageOf(error))),
      )
    })
  }

  #judged(startedAt: number, verdict: CheckVerdict): CheckResult {
    try {
      return this.#keep(startedAt, judge(verdict))
    } catch (error) {
      return this.#failed(startedAt, messageOf(error))
    }
  }

  #failed(startedAt: number, error: string): CheckResult {
    return this.#keep(startedAt, { healthy: false, error, facts: {} })
  }

  #keep(startedAt: number, judged: Pick<CheckResult, 'healthy' | 'error' | 'facts'>): CheckResult {
    this.#lastAt = this.#clock.monotonic()
    this.#last = { ...judged, latencyMs: this.#lastAt - startedAt, at: this.#clock.now() }
    return this.#last
  }
}
