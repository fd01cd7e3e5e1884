import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DURATION_BUCKETS } from '../../src/index.js'
import { recorder } from '../support/recorder.js'

/** The bucket that a search finds: the first whose bound is not exceeded. */
const searched = (bounds: readonly number[], ms: number) => {
  const at = bounds.findIndex(bound => ms / 1000 <= bound)
  return at < 0 ? bounds.length : at
}

function recordedIn(bounds: readonly number[], ms: number): number {
  const { record, series } = recorder({ buckets: bounds })
  record(ms, 0)
  const counts = [...(series()[0]?.durations.samples([]) ?? [])].map(([, , value]) => value)
  return counts.slice(0, bounds.length + 1).indexOf(1)
}

/**
 * A number and its neighbours, as 64-bit and as 32-bit floats: on the scale the latter are one
 * place or two.
 */
function around(ms: number): readonly number[] {
  const near = [1 - 2 ** -52, 1 - 2 ** -26, 1 - 2 ** -22, 1, 1 + 2 ** -22, 1 + 2 ** -26, 1 + 2 ** -52]
  return near.map(factor => ms * factor)
}

describe('the bucket of a duration', () => {
  it('given durations beside every bound of the default, then it is the one that a search finds', () => {
    for (const bound of DURATION_BUCKETS)
      for (const ms of around(bound * 1000))
        expect([ms, recordedIn(DURATION_BUCKETS, ms)]).toEqual([ms, searched(DURATION_BUCKETS, ms)])
  })

  it('given any bounds and durations, beside the bounds and far from them, then it is the one that a search finds', () => {
    const bounds = fc
      .uniqueArray(fc.double({ min: -1, max: 5000, noNaN: true }), { minLength: 1, maxLength: 100 })
      .map(values => values.sort((a, b) => a - b))
    const duration = fc.double({ min: 0, max: 1e8, noNaN: true })
    fc.assert(
      fc.property(bounds, fc.array(duration, { maxLength: 5 }), fc.nat(), (buckets, durations, pick) => {
        const bound = buckets[pick % buckets.length] as number
        const all = [...durations, ...around(Math.max(0, bound * 1000))]
        for (const ms of all) expect(recordedIn(buckets, ms)).toBe(searched(buckets, ms))
      }),
      { numRuns: 300 },
    )
  })

  it('given a bound and a duration that 32 bits cannot tell from the start of a place, then it is still on its side', () => {
    const [duration, bound] = [8 * (1 - 2 ** -26), 8 * (1 - 2 ** -27)]
    expect(Math.fround(duration)).toBe(8)
    expect(recordedIn([bound / 1000], duration)).toBe(0)
    expect(recordedIn([duration / 1000], bound)).toBe(1)
  })

  it('given bounds beyond both ends of the scale, then what is beyond them too is told apart', () => {
    const bounds = [1e-9, 1e-7, 5000, 9000]
    for (const [ms, bucket] of [
      [0, 0],
      [5e-7, 0],
      [5e-5, 1],
      [1e-3, 2],
      [4.9e6, 2],
      [8e6, 3],
      [1e7, 4],
    ] as const)
      expect([ms, recordedIn(bounds, ms)]).toEqual([ms, bucket])
  })
})

it.each([Number.NaN, -1])(
  'given a clock by which a request took %s ms, then it took none: sums never fall, nor stop being numbers',
  ms => {
    const { record, series, requests } = recorder()
    record(20, 0)
    record(ms, 0)
    expect(series()[0]?.durations).toMatchObject({ sum: 0.02, count: 2 })
    expect(requests.recent.durations([0.5], 0)).toMatchObject({ count: 2, mean: 10 })
  },
)
