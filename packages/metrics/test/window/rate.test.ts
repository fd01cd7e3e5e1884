import { describe, expect, it } from 'vitest'
import { Period } from '../../src/window/period.js'
import { recorder } from '../support/recorder.js'

function stand(startedAtMs: number) {
  const { record, requests } = recorder({ startedAtMs })
  return {
    end: (nowMs: number) => record(0, nowMs),
    perSecond: (nowMs: number) => requests.recent.perSecond(nowMs),
  }
}

function steady(perSecond: number, fromMs: number, toMs: number) {
  const requests = stand(fromMs)
  for (let ms = fromMs; ms < toMs; ms += 1000 / perSecond) requests.end(ms)
  return requests
}

describe('requests a second', () => {
  it.each([0, 1, 250, 500, 999])(
    'given a steady 20 a second, when %i ms of a second have passed, then it is 20',
    ms => {
      expect(steady(20, 0, 60_000 + ms).perSecond(60_000 + ms)).toBeCloseTo(20, 0)
    },
  )

  it('given a process in its first seconds, then it is over its life so far', () => {
    expect(steady(20, 500, 3500).perSecond(3500)).toBeCloseTo(20, 5)
    const first = stand(500)
    first.end(510)
    expect(first.perSecond(510)).toBe(1)
  })

  it('given nobody comes any more, then it falls to 0 by itself', () => {
    const { perSecond } = steady(20, 0, 60_000)
    expect(perSecond(65_000)).toBeCloseTo(80 / 9, 5)
    expect(perSecond(70_000)).toBe(0)
    expect(perSecond(10_000_000)).toBe(0)
  })

  it('given a rush after a long silence, then old counts of the same slot are not in it', () => {
    const { end, perSecond } = steady(20, 0, 60_000)
    end(600_000)
    expect(perSecond(600_999)).toBeCloseTo(0.1, 2)
  })

  it('given somebody reads again and again, then no request is counted twice, nor lost', () => {
    const { end, perSecond } = stand(0)
    for (let ms = 0; ms < 30_000; ms += 10) {
      end(ms)
      perSecond(ms)
    }
    expect(perSecond(29_999)).toBeCloseTo(100, 0)
  })
})

describe('a period', () => {
  it('given it is asked late, then it ends once, and the next ends where it would have', () => {
    const ends: number[] = []
    let now = 0
    const period = new Period(1000, 0, () => ends.push(now))
    for (now of [0, 999, 1000, 1500, 1999, 4321, 4999, 5000]) period.turn(now)
    expect(ends).toEqual([1000, 4321, 5000])
  })

  it('given it is endless, then it never ends', () => {
    const period = new Period(Number.POSITIVE_INFINITY, 0, () => expect.unreachable())
    period.turn(Number.MAX_SAFE_INTEGER)
  })
})
