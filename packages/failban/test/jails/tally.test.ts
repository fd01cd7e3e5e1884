import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BucketTally, ExactTally } from '../../src/jails/tally.js'

interface Hit {
  readonly at: number
  readonly weight: number
}

/** Gaps that fall on, just before and just after the edges of the window and of its eighths. */
const history = (window: number, heaviest: number) =>
  fc
    .array(
      fc.record({
        gap: fc.oneof(
          fc.integer({ min: 0, max: window * 2 }),
          fc.constantFrom(0, 1, window - 1, window, window + 1, window / 8, window / 8 - 1),
        ),
        weight: fc.integer({ min: 1, max: heaviest }),
      }),
      { maxLength: 200 },
    )
    .map(steps => {
      let at = 0
      return steps.map(({ gap, weight }): Hit => {
        at += gap
        return { at, weight }
      })
    })

const sumSince = (hits: readonly Hit[], now: number, window: number) =>
  hits.filter(({ at }) => now - at < window).reduce((sum, { weight }) => sum + weight, 0)

describe('given any history of violations', () => {
  it('when a small threshold counts them, then it bans at exactly the violation at which a complete log would', () => {
    fc.assert(
      fc.property(history(80, 4), fc.integer({ min: 1, max: 32 }), (hits, threshold) => {
        let tally = new ExactTally(80, threshold)
        let log: Hit[] = []
        for (const hit of hits) {
          log.push(hit)
          const expected = sumSince(log, hit.at, 80)
          expect(tally.add(hit.at, hit.weight)).toBe(expected)
          if (expected < threshold) continue
          tally = new ExactTally(80, threshold)
          log = []
        }
      }),
    )
  })

  it('when a large threshold counts them, then never more than the window holds nor less than seven eighths of it', () => {
    fc.assert(
      fc.property(history(80, 4), hits => {
        const tally = new BucketTally(80)
        const log: Hit[] = []
        for (const hit of hits) {
          log.push(hit)
          const sum = tally.add(hit.at, hit.weight)
          expect(sum).toBeLessThanOrEqual(sumSince(log, hit.at, 80))
          expect(sum).toBeGreaterThanOrEqual(sumSince(log, hit.at, 71))
        }
      }),
    )
  })

  it('when nothing of it counts any more, then and only then it is spent', () => {
    fc.assert(
      fc.property(history(80, 4), fc.integer({ min: 0, max: 200 }), (hits, later) => {
        fc.pre(hits.length > 0)
        const exact = new ExactTally(80, 1000)
        const buckets = new BucketTally(80)
        for (const { at, weight } of hits) {
          exact.add(at, weight)
          buckets.add(at, weight)
        }
        const now = (hits.at(-1)?.at ?? 0) + later
        expect(exact.isSpent(now)).toBe(later >= 80)
        if (later >= 80) expect(buckets.isSpent(now)).toBe(true)
        if (later < 70) expect(buckets.isSpent(now)).toBe(false)
      }),
    )
  })
})
