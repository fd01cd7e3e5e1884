/** Of a 32-bit float, sign and exponent and so many bits of the mantissa: 64 buckets to an octave, each 1/64 to 1/128 of its values wide. */
const SHIFT = 17
const PER_OCTAVE = 64
/** From a microsecond to an hour and a quarter, in milliseconds; what is less or more counts as that. */
const LEAST = 2 ** -10
const MOST = 2 ** 22
const FIRST = bitsOf(LEAST)
const BUCKETS = bitsOf(MOST) - FIRST + 1
const SLICES = 12

/**
 * Percentiles of the last minute, less than 1 % off: log-linear counts in slices of five seconds, of which the oldest is emptied as time goes
 * on. Recording is a shift and two additions, and makes nothing.
 */
export class SlidingPercentiles {
  private readonly sliceMs: number
  private readonly counts = Array.from({ length: SLICES }, () => new Uint32Array(BUCKETS))
  private readonly sums = new Float64Array(SLICES)
  private readonly float = new Float32Array(1)
  private readonly bits = new Uint32Array(this.float.buffer)
  /** The number of the newest slice, counted from the clock's zero. */
  private newest: number

  constructor(nowMs: number, windowMs = 60_000) {
    this.sliceMs = windowMs / SLICES
    this.newest = Math.floor(nowMs / this.sliceMs)
  }

  /** @param nowMs of a clock that never steps back */
  record(durationMs: number, nowMs: number): void {
    const slice = this.advance(nowMs)
    const counts = this.counts[slice] as Uint32Array
    this.float[0] = Math.min(Math.max(durationMs, LEAST), MOST)
    const bucket = ((this.bits[0] as number) >>> SHIFT) - FIRST
    counts[bucket] = (counts[bucket] as number) + 1
    this.sums[slice] = (this.sums[slice] as number) + durationMs
  }

  /** For each quantile, ascending, the duration in milliseconds that so large a share of requests stayed within; 0 when there were none. */
  read(
    quantiles: readonly number[],
    nowMs: number,
  ): { readonly at: readonly number[]; readonly mean: number; readonly count: number } {
    this.advance(nowMs)
    const merged = new Float64Array(BUCKETS)
    for (const counts of this.counts) addTo(merged, counts)
    const count = sum(merged)
    if (count === 0) return { at: quantiles.map(() => 0), mean: 0, count }
    let bucket = -1
    let seen = 0
    const at = quantiles.map(quantile => {
      // The nearest rank; 0.95 * 60 is a little less or more than 57 in binary.
      const rank = Math.max(1, Math.ceil(quantile * count * (1 - 1e-12)))
      while (seen < rank) seen += merged[++bucket] as number
      return middleOf(bucket)
    })
    return { at, mean: sum(this.sums) / count, count }
  }

  /** Empties the slices that time has left behind; returns the one of now. */
  private advance(nowMs: number): number {
    const now = Math.floor(nowMs / this.sliceMs)
    if (now > this.newest) {
      for (let slice = Math.max(this.newest + 1, now - SLICES + 1); slice <= now; slice++)
        this.empty(slice % SLICES)
      this.newest = now
    }
    return this.newest % SLICES
  }

  private empty(slice: number): void {
    this.counts[slice]?.fill(0)
    this.sums[slice] = 0
  }
}

function bitsOf(value: number): number {
  return (new Uint32Array(new Float32Array([value]).buffer)[0] as number) >>> SHIFT
}

function middleOf(bucket: number): number {
  const octave = Math.floor(bucket / PER_OCTAVE)
  return LEAST * 2 ** octave * (1 + ((bucket % PER_OCTAVE) + 0.5) / PER_OCTAVE)
}

function addTo(total: Float64Array, counts: Uint32Array): void {
  for (let i = 0; i < counts.length; i++) total[i] = (total[i] as number) + (counts[i] as number)
}

const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0)
