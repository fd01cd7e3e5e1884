/**
 * The same numbers in every run and on every machine (mulberry32): data for measuring, not for
 * secrets.
 */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

/** IPv4 addresses as text, flat as they come from a socket and not parts of a longer string. */
export function addresses(count: number, seed: number): readonly string[] {
  const next = seeded(seed)
  return Array.from({ length: count }, () => {
    const bits = next()
    return Buffer.from(
      [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.'),
    ).toString()
  })
}
