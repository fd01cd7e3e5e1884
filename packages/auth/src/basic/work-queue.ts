/** So much is waiting already that more could not be answered in time. */
export class Overloaded extends Error {
  constructor() {
    super('too many passwords are waiting to be checked')
    this.name = 'Overloaded'
  }
}

/** Runs a few tasks at a time and lets a few more wait, in order. Bounded, so that a flood of logins cannot eat the memory or the threads. */
export class WorkQueue {
  readonly #concurrency: number
  readonly #most: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(concurrency: number, waiting: number) {
    this.#concurrency = concurrency
    this.#most = waiting
  }

  /**
   * @throws Overloaded when nobody else may wait
   * @throws the signal's reason when it is aborted before the turn comes
   */
  async run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#running >= this.#concurrency) await this.#wait(signal)
    else this.#running += 1
    try {
      return await task()
    } finally {
      // The place goes to the next one directly, so that nobody can slip in between.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.length >= this.#most) return Promise.reject(new Overloaded())
    return new Promise((resolve, reject) => {
      const go = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        const place = this.#waiting.indexOf(go)
        if (place >= 0) this.#waiting.splice(place, 1)
        reject(signal?.reason)
      }
      if (signal?.aborted === true) reject(signal.reason)
      else {
        this.#waiting.push(go)
        signal?.addEventListener('abort', leave, { once: true })
      }
    })
  }
}
