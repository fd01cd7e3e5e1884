import { LRUCache } from 'lru-cache'

const MOST_REFUSED = 10_000

/**
 * Clients that a throttle has refused, for as long as it said, by monotonic time. The cache asks no
 * throttle: it must not reveal a right guess to a client that goes on guessing. Known in this
 * process; the oldest makes room.
 */
export class RefusedClients {
  readonly #until = new LRUCache<string, number>({ max: MOST_REFUSED })

  add(strategy: string, client: string, until: number): void {
    this.#until.set(idOf(strategy, client), until)
  }

  has(strategy: string, client: string, now: number): boolean {
    return (this.#until.get(idOf(strategy, client)) ?? 0) > now
  }

  forget(client: string): void {
    for (const id of [...this.#until.keys()]) if (id.startsWith(idOf('', client))) this.#until.delete(id)
  }
}

/** A client's key has no space in it. */
const idOf = (strategy: string, client: string) => `${client} ${strategy}`
