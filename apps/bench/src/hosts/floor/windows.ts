interface Window {
  count: number
  endsAt: number
}

const MOST_KEYS = 100_000

/** Counts requests in fixed windows, by hand: a bounded map of mutable entries, no timers. */
export class Windows {
  readonly #limit: number
  readonly #windowMs: number
  readonly #windows = new Map<string, Window>()

  constructor(limit: number, windowMs: number) {
    this.#limit = limit
    this.#windowMs = windowMs
  }

  /**
   * The window of a key after one more request; counted past the limit when it is refused, and no
   * further.
   */
  take(key: string, now: number): Window {
    let window = this.#windows.get(key)
    if (window === undefined) {
      if (this.#windows.size >= MOST_KEYS) this.#makeRoom(now)
      window = { count: 0, endsAt: now + this.#windowMs }
      this.#windows.set(key, window)
    } else if (now >= window.endsAt) {
      window.count = 0
      window.endsAt = now + this.#windowMs
    }
    if (window.count <= this.#limit) window.count++
    return window
  }

  #makeRoom(now: number): void {
    for (const [key, { endsAt }] of this.#windows) if (endsAt <= now) this.#windows.delete(key)
    // Full of live keys: the oldest go, so that memory stays bounded.
    for (const key of this.#windows.keys()) {
      if (this.#windows.size < MOST_KEYS) return
      this.#windows.delete(key)
    }
  }
}

/** Whom a socket address is counted as: the IPv4 address, or the /64 of the IPv6 address. */
export function clientKey(address: string): string {
  if (!address.includes(':')) return address
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7)
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const last = tail === '' ? [] : tail.split(':')
    while (groups.length + last.length < 8) groups.push('0')
    groups.push(...last)
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}
