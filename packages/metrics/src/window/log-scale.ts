/**
 * Of a 32-bit float, sign and exponent and so many bits of the mantissa: 64 places to an octave,
 * each 1/64 to 1/128 of its values wide.
 */
const SHIFT = 17
const PER_OCTAVE = 64
/**
 * The ends of the scale in milliseconds, a microsecond and an hour and a quarter; what is less or
 * more counts as that.
 */
export const SHORTEST = 2 ** -10
export const LONGEST = 2 ** 22
const FIRST = bitsOf(SHORTEST)

/** How many places there are. */
export const PLACES = bitsOf(LONGEST) - FIRST + 1

/** Durations on a log-linear scale. Finding the place of one is a shift, and makes nothing. */
export class LogScale {
  readonly #float = new Float32Array(1)
  readonly #bits = new Uint32Array(this.#float.buffer)

  /** @param durationMs from `SHORTEST` to `LONGEST` */
  placeOf(durationMs: number): number {
    this.#float[0] = durationMs
    return ((this.#bits[0] as number) >>> SHIFT) - FIRST
  }
}

/**
 * The least duration of a place, in milliseconds; that of the place behind the last one is where it
 * ends.
 */
export function startOf(place: number): number {
  return valueAt(Math.floor(place / PER_OCTAVE), place % PER_OCTAVE)
}

export function middleOf(place: number): number {
  return valueAt(Math.floor(place / PER_OCTAVE), (place % PER_OCTAVE) + 0.5)
}

const valueAt = (octave: number, part: number) => SHORTEST * 2 ** octave * (1 + part / PER_OCTAVE)

function bitsOf(value: number): number {
  return (new Uint32Array(new Float32Array([value]).buffer)[0] as number) >>> SHIFT
}
