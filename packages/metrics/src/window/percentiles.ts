const SUB_BITS = 6
const SUBS = 1 << SUB_BITS
/** Microseconds up to 2^32, 71 minutes; what is longer counts as that. */
const BUCKETS = (32 - SUB_BITS + 1) * SUBS
const LONGEST = 2 ** 32 - 1
const SLICES = 12

/**
 * Percentiles of the last minute, at most 1 % off: log-linear counts, 64 to an octave, in slices of five seconds of which the oldest is emptied as time goes on.
 * Recording is two shifts and an addition.
 */
export class SlidingPercentiles {
  private readonly sliceMs: number
  private readonly counts = Array.from({ length: SLICES }, () => new Uint32Array(BUCKETS))
  private readonly sums = new Float64Array(SLICES)
  private readonly totals = new Float64Array(SLICES)
  /** The number of the newest slice, counted from the clock's zero. */
  private newest = Number.NaN

  constructor(windowMs = 60_000) {
    this.sliceMs = windowMs / SLICES
  }

  record(durationMs: number, nowMs: number): void {
    const slice = this.advance(nowMs)
    const counts = this.counts[slice] as Uint32Array
    const index = bucketOf(durationMs * 1000)
    counts[index] = (counts[index] as number) + 1
    this.sums[slice] = (this.sums[slice] as number) + durationMs
    this.totals[slice] = (this.totals[slice] as number) + 1
  }

  /** The duration in milliseconds that so large a share of requests stayed within; 0 when there were none. */
  read(
    quantiles: readonly number[],
    nowMs: number,
  ): { readonly at: readonly number[]; readonly mean: number; readonly count: number } {
    this.advance(nowMs)
    const total = this.totals.reduce((a, b) => a + b, 0)
    if (total === 0) return { at: quantiles.map(() => 0), mean: 0, count: 0 }
    const at = quantiles.map(quantile => this.valueAt(Math.max(1, Math.ceil(quantile * total))))
    return { at, mean: this.sums.reduce((a, b) => a + b, 0) / total, count: total }
  }

  private valueAt(rank: number): number {
    let seen = 0
    for (let i = 0; i < BUCKETS; i++) {
      for (const counts of this.counts) seen += counts[i] as number
      if (seen >= rank) return middleOf(i) / 1000
    }
    return LONGEST / 1000
  }

  /** Empties the slices that time has left behind; returns the one of now. */
  private advance(nowMs: number): number {
    const now = Math.floor(nowMs / this.sliceMs)
    if (Number.isNaN(this.newest)) this.newest = now
    const passed = Math.min(SLICES, now - this.newest)
    for (let i = 1; i <= passed; i++) this.empty((this.newest + i) % SLICES)
    if (passed > 0) {
      for (let i = 0; i < SLICES && passed === SLICES; i++) this.empty(i)
      this.newest = now
    }
    return this.newest % SLICES
  }

  private empty(slice: number): void {
    this.counts[slice]?.fill(0)
    this.sums[slice] = 0
    this.totals[slice] = 0
  }
}

/** Values under 64 have a bucket each; above, an octave has 64. */
function bucketOf(microseconds: number): number {
  const value = microseconds >= LONGEST ? LONGEST : microseconds < 0 ? 0 : Math.round(microseconds)
  if (value < SUBS) return value
  const exponent = 31 - Math.clz32(value)
  return (exponent - SUB_BITS + 1) * SUBS + ((value >>> (exponent - SUB_BITS)) - SUBS)
}

function middleOf(bucket: number): number {
  if (bucket < SUBS) return bucket
  const shift = Math.floor(bucket / SUBS) - 1
  const low = (SUBS + (bucket % SUBS)) * 2 ** shift
  return low + 2 ** shift / 2
}
