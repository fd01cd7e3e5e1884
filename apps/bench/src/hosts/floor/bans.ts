import { BAN_MS, MOST_STRIKES, STRIKES_WITHIN_MS } from '../host.js'

interface Strikes {
  count: number
  endsAt: number
}

const MOST_KEYS = 50_000

/** Bans clients that bring wrong tokens or exceed limits, by hand: two bounded maps, no timers. */
export class Bans {
  readonly #until = new Map<string, number>()
  readonly #strikes = new Map<string, Strikes>()

  has(key: string, now: number): boolean {
    return this.endOf(key, now) !== undefined
  }

  /** The time at which the ban of a client ends; `undefined` if the client is not banned. */
  endOf(key: string, now: number): number | undefined {
    const until = this.#until.get(key)
    if (until === undefined || until > now) return until
    this.#until.delete(key)
    return undefined
  }

  put(key: string, until: number): void {
    makeRoom(this.#until)
    this.#until.set(key, until)
  }

  strike(key: string, now: number): void {
    let strikes = this.#strikes.get(key)
    if (strikes === undefined || now >= strikes.endsAt) {
      makeRoom(this.#strikes)
      strikes = { count: 0, endsAt: now + STRIKES_WITHIN_MS }
      this.#strikes.set(key, strikes)
    }
    if (++strikes.count < MOST_STRIKES) return
    this.#strikes.delete(key)
    this.put(key, now + BAN_MS)
  }
}

/** The oldest go, so that memory stays bounded. */
function makeRoom(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    if (map.size < MOST_KEYS) return
    map.delete(key)
  }
}
