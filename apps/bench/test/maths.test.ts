import { describe, expect, it } from 'vitest'
import { addedRatio, median, quantile, ratio, rotated, spread } from '../src/measure/maths.js'
import { summary } from '../src/measure/rounds.js'

describe('the maths of the report', () => {
  it('takes the middle of an odd number of rounds, and the mean of the middle two of an even one', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([9, 1, 5, 6])).toBe(5.5)
  })

  it('is not moved by one round in which the machine was busy', () => {
    expect(median([50, 51, 52, 53, 900])).toBe(52)
    expect(spread([50, 51, 52, 53, 900])).toBe(1)
  })

  it('interpolates between two values', () => {
    expect(quantile([10, 20], 0.25)).toBe(12.5)
    expect(quantile([], 0.5)).toBeNaN()
  })

  it('compares what is added to the bare host, not the host', () => {
    expect(addedRatio(60, 120, 40)).toBe(0.25)
    expect(ratio(60, 120)).toBe(0.5)
  })

  it('gives no ratio to what was not measured or added nothing', () => {
    expect(addedRatio(60, undefined, 40)).toBeUndefined()
    expect(addedRatio(60, 40, 40)).toBeUndefined()
    expect(ratio(60, 0)).toBeUndefined()
  })

  it('puts each contestant at each place once in as many rounds as there are contestants', () => {
    const rounds = [0, 1, 2, 3].map(round => rotated(['a', 'b', 'c', 'd'], round))
    for (const place of [0, 1, 2, 3]) expect(new Set(rounds.map(order => order[place])).size).toBe(4)
    expect(rotated([], 3)).toEqual([])
  })
})

describe('several starts of the same server', () => {
  it('are one result, whose median is that of all rounds, and whose best that of the best start', () => {
    const cell = { stack: 'edge', host: 'koa', variant: 'floor' } as const
    const starts = [new Map([[{ cell }, [10, 11, 12]]]), new Map([[{ cell: { ...cell } }, [20, 21]]])]
    expect(summary(starts)).toEqual([
      { ...cell, median: 12, spread: 4.5, best: 11, samples: [10, 11, 12, 20, 21] },
    ])
  })
})
