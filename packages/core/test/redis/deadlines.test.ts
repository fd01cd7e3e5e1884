import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Deadlines } from '../../src/redis/deadlines.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('deadlines of one length', () => {
  it('expire in order, each at its own time', () => {
    const deadlines = new Deadlines(100)
    const expired: string[] = []
    deadlines.add(() => expired.push('first'))
    vi.advanceTimersByTime(60)
    deadlines.add(() => expired.push('second'))
    vi.advanceTimersByTime(39)
    expect(expired).toEqual([])
    vi.advanceTimersByTime(2)
    expect(expired).toEqual(['first'])
    vi.advanceTimersByTime(61)
    expect(expired).toEqual(['first', 'second'])
  })

  it('need one timer for any number of calls, and none when nothing waits', () => {
    const deadlines = new Deadlines(100)
    const waiting = Array.from({ length: 10_000 }, () => deadlines.add(() => {}))
    expect(vi.getTimerCount()).toBe(1)
    for (const one of waiting) one.done()
    vi.advanceTimersByTime(101)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('do not expire what was done, wherever it stood, and say so once', () => {
    const deadlines = new Deadlines(100)
    const expired: number[] = []
    const waiting = [0, 1, 2, 3, 4].map(i => deadlines.add(() => expired.push(i)))
    expect([0, 2, 4].map(i => waiting[i]?.done())).toEqual([true, true, true])
    expect(waiting[2]?.done()).toBe(false)
    vi.advanceTimersByTime(101)
    expect(expired).toEqual([1, 3])
    expect(waiting[1]?.done()).toBe(false)
  })

  it('work again after a rest', () => {
    const deadlines = new Deadlines(100)
    deadlines.add(() => {}).done()
    vi.advanceTimersByTime(500)
    const expire = vi.fn()
    deadlines.add(expire)
    vi.advanceTimersByTime(101)
    expect(expire).toHaveBeenCalledOnce()
  })

  it('let what was received during a pause of the process be read first', () => {
    const deadlines = new Deadlines(100)
    const expire = vi.fn()
    const waiting = deadlines.add(expire)
    // The timer is due and runs; the answer is read from the socket before the phase of immediates.
    setTimeout(() => waiting.done(), 100)
    vi.advanceTimersByTime(101)
    expect(expire).not.toHaveBeenCalled()
  })

  it('never let the process exit wait for them, and never let it sleep past them', async () => {
    vi.useRealTimers()
    const immediate = vi.spyOn(Object.getPrototypeOf(setImmediate(() => {})), 'unref')
    const timer = vi.spyOn(Object.getPrototypeOf(setTimeout(() => {})), 'unref')
    // Without a reference the immediate would not wake a process that has nothing else to do.
    await new Promise<void>(resolve => {
      new Deadlines(1).add(resolve)
    })
    expect(immediate).not.toHaveBeenCalled()
    expect(timer).toHaveBeenCalledOnce()
    vi.restoreAllMocks()
  })

  it('expire all at once on demand, and leave no timer', () => {
    const deadlines = new Deadlines(100)
    const expire = vi.fn()
    deadlines.add(expire)
    deadlines.add(expire)
    deadlines.expireAll()
    expect(expire).toHaveBeenCalledTimes(2)
    expect(vi.getTimerCount()).toBe(0)
  })
})
