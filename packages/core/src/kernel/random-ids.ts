/**
 * Random UUIDs (RFC 9562 section 5.4, version 4), each a flat string. `crypto.randomUUID()` joins
 * its result from 20 pieces: 0.6 KB of garbage a request, and one more copy when the header is
 * written.
 */
export class RandomIds {
  readonly #bytes = new Uint8Array(BYTES * BATCH)
  readonly #codes: number[] = Array.from({ length: LENGTH }, () => HYPHEN)
  // Nothing is drawn before the first id is asked for: some runtimes forbid it while a module is
  // loaded.
  #next = this.#bytes.length

  next(): string {
    const bytes = this.#bytes
    if (this.#next === bytes.length) {
      crypto.getRandomValues(bytes)
      this.#next = 0
    }
    const first = this.#next
    this.#next += BYTES
    bytes[first + 6] = ((bytes[first + 6] as number) & 0x0f) | 0x40
    bytes[first + 8] = ((bytes[first + 8] as number) & 0x3f) | 0x80
    const codes = this.#codes
    let at = 0
    for (let i = first; i < first + BYTES; i++) {
      if (at === 8 || at === 13 || at === 18 || at === 23) at++
      const byte = bytes[i] as number
      codes[at++] = HEX[byte >> 4] as number
      codes[at++] = HEX[byte & 15] as number
      // An id that was given away is not kept.
      bytes[i] = 0
    }
    return String.fromCharCode.apply(undefined, codes)
  }
}

const BYTES = 16
const BATCH = 128
const LENGTH = 36
const HYPHEN = 45
const HEX = [...'0123456789abcdef'].map(digit => digit.charCodeAt(0))
