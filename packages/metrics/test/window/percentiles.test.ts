import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recorder } from '../support/recorder.js'

const QUANTILES = [0.5, 0.95, 0.99]
const SLICE = 5000

function window(startedAtMs: number) {
  const { record, requests } = recorder({ startedAtMs })
  const read = (quantiles: readonly number[], nowMs: number) => requests.recent.durations(quantiles, nowMs)
  return { record, read }
}

/** Nearest rank, in whole numbers. */
const exact = (values: readonly number[], percent: number) =>
  [...values].sort((a, b) => a - b)[Math.max(1, Math.ceil((percent * values.length) / 100)) - 1] as number

describe('percentiles of a sliding minute', () => {
  it('given any durations from a microsecond to an hour, then each percentile is at most 1 % off', () => {
    const duration = fc.double({ min: 0.001, max: 3_600_000, noNaN: true })
    fc.assert(
      fc.property(fc.array(duration, { minLength: 1, maxLength: 400 }), durations => {
        const { record, read } = window(0)
        for (const ms of durations) record(ms, 0)
        const { at } = read(QUANTILES, 0)
        for (const [i, percent] of [50, 95, 99].entries()) {
          const wanted = exact(durations, percent)
          expect(Math.abs((at[i] as number) - wanted) / wanted).toBeLessThanOrEqual(0.01)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('given what is nothing, too long or no number, then it harms no other', () => {
    const { record, read } = window(0)
    for (const ms of [0, 1e12, Number.NaN]) record(ms, 0)
    const { at } = read([0.5, 0.99], 0)
    expect(at[0]).toBeLessThan(0.001)
    expect(at[1]).toBeGreaterThan(4_000_000)
  })

  it('given nothing was recorded, then all is 0', () => {
    expect(window(7).read(QUANTILES, 9)).toEqual({ at: [0, 0, 0], mean: 0, count: 0 })
  })

  it('given time passes, then only the last minute counts', () => {
    const { record, read } = window(0)
    for (let i = 0; i < 100; i++) record(1000, 0)
    record(10, 30_000)
    expect(read([0.5], 30_000).at[0]).toBeCloseTo(1000, -1)
    expect(read([0.5], 55_000 + SLICE - 1).count).toBe(101)
    expect(read([0.5], 60_000)).toMatchObject({ count: 1, mean: 10 })
    expect(read([0.5], 90_000).count).toBe(0)
  })

  it('given nobody came for days, then what is old is gone, whatever its place', () => {
    const { record, read } = window(0)
    for (let ms = 0; ms < 60_000; ms += SLICE) record(5, ms)
    expect(read([0.5], 60_000 * 60 * 72 + 3).count).toBe(0)
  })

  it('given a clock that steps back against its promise, then nothing is lost', () => {
    const { record, read } = window(0)
    record(5, 100_000)
    record(5, 20_000)
    expect(read([0.5], 100_000).count).toBe(2)
  })

  it('against a model: what was recorded in the slices of the last minute, and nothing else', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: 1, max: 9 })), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(steps, all => {
        const { record, read } = window(0)
        const recorded: number[] = []
        let now = 0
        for (const [wait, times] of all) {
          now += wait
          for (let i = 0; i < times; i++) {
            record(1, now)
            recorded.push(now)
          }
          const slice = Math.floor(now / SLICE)
          const fresh = recorded.filter(at => slice - Math.floor(at / SLICE) < 12)
          expect(read([0.5], now).count).toBe(fresh.length)
        }
      }),
    )
  })
})
