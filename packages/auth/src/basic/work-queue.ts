/** So much is waiting already that more could not be answered in time. */
export class Overloaded extends Error {
  constructor() {
    super('too many passwords are waiting to be checked')
    this.name = 'Overloaded'
  }
}

export interface WorkQueueOptions {
  /** How many tasks run at a time. */
  readonly concurrency: number
  /** How many tasks may wait. */
  readonly waiting: number
  /** How many of the waiting tasks may belong to one client. */
  readonly waitingPerClient: number
}

interface Waiting {
  readonly go: () => void
  readonly refuse: (reason: unknown) => void
}

/**
 * Runs a few tasks at a time and lets a few more wait. Bounded, so that a flood of logins cannot
 * eat the memory or the threads.
 *
 * Clients take turns, and one client has a share of the places: its flood delays another client by
 * one task, not by the queue. When several clients have filled the queue, a client with fewer
 * places takes one of the client with most.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions
  /**
   * By client, in the order of their turns. Tasks of no client are one group, which has no share.
   */
  readonly #waiting = new Map<string | undefined, Waiting[]>()
  #size = 0
  #running = 0

  constructor(options: WorkQueueOptions) {
    this.#options = options
  }

  /**
   * @param client by whose share it waits
   * @throws Overloaded when it may not wait
   * @throws the signal's reason when it is aborted before the turn comes
   */
  async run<T>(task: () => Promise<T>, signal?: AbortSignal, client?: string): Promise<T> {
    if (this.#running >= this.#options.concurrency) await this.#wait(signal, client)
    else this.#running += 1
    try {
      return await task()
    } finally {
      // The place goes to the next one directly, so that no task can slip in between.
      const next = this.#next()
      if (next === undefined) this.#running -= 1
      else next.go()
    }
  }

  #wait(signal: AbortSignal | undefined, client: string | undefined): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    if (!this.#hasRoom(client)) return Promise.reject(new Overloaded())
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#remove(client, waiting)
        reject(signal?.reason)
      }
      const settle = (act: () => void) => {
        signal?.removeEventListener('abort', leave)
        act()
      }
      const waiting: Waiting = {
        go: () => settle(resolve),
        refuse: reason => settle(() => reject(reason)),
      }
      this.#add(client, waiting)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  /** Makes room in a full queue at the cost of the client that has most. */
  #hasRoom(client: string | undefined): boolean {
    const own = this.#waiting.get(client)?.length ?? 0
    if (client !== undefined && own >= this.#options.waitingPerClient) return false
    if (this.#size < this.#options.waiting) return true
    const [richest, places] = [...this.#waiting].reduce<readonly [string | undefined, readonly Waiting[]]>(
      (most, one) => (one[1].length > most[1].length ? one : most),
      [undefined, []],
    )
    const last = places.at(-1)
    if (last === undefined || places.length < own + 2) return false
    this.#remove(richest, last)
    last.refuse(new Overloaded())
    return true
  }

  #next(): Waiting | undefined {
    for (const [client, places] of this.#waiting) {
      const next = places[0] as Waiting
      this.#remove(client, next)
      if (places.length > 0) {
        // To the end: the next turn is another client's.
        this.#waiting.delete(client)
        this.#waiting.set(client, places)
      }
      return next
    }
    return undefined
  }

  #add(client: string | undefined, waiting: Waiting): void {
    const places = this.#waiting.get(client)
    if (places === undefined) this.#waiting.set(client, [waiting])
    else places.push(waiting)
    this.#size += 1
  }

  #remove(client: string | undefined, waiting: Waiting): void {
    const places = this.#waiting.get(client)
    const at = places?.indexOf(waiting) ?? -1
    if (places === undefined || at < 0) return
    places.splice(at, 1)
    this.#size -= 1
    if (places.length === 0) this.#waiting.delete(client)
  }
}
