import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TwoGenerations } from '../../src/jails/two-generations.js'

describe('a map of two generations', () => {
  it('given any use, then it never holds more than its cap, nor a wrong value, and counts what it lost', () => {
    const key = fc.constantFrom(...Array.from({ length: 30 }, (_, i) => `k${i}`))
    const step = fc.record({ kind: fc.constantFrom('set', 'get', 'delete'), key })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 2, max: 20 }), (steps, cap) => {
        const map = new TwoGenerations<number>(cap, () => false)
        const model = new Map<string, number>()
        let lost = 0
        for (const [i, { kind, key }] of steps.entries()) {
          if (kind === 'set') {
            if (map.get(key) === undefined && model.has(key)) lost++
            map.set(key, i)
            model.set(key, i)
          } else if (kind === 'delete') {
            if (map.get(key) === undefined && model.has(key)) lost++
            map.delete(key)
            model.delete(key)
          } else {
            const found = map.get(key)
            if (found !== undefined) expect(found).toBe(model.get(key))
            else if (model.delete(key)) lost++
          }
          expect(map.size).toBeLessThanOrEqual(cap)
        }
        expect(map.size + map.evictions).toBeGreaterThanOrEqual(model.size)
        expect(map.evictions).toBeGreaterThanOrEqual(lost)
      }),
    )
  })

  it('given a key that is used all the time, when strangers flood it, then the key stays', () => {
    const map = new TwoGenerations<number>(10, () => false)
    map.set('regular', 1)
    for (let i = 0; i < 1000; i++) {
      map.set(`stranger ${i}`, i)
      expect(map.get('regular')).toBe(1)
    }
    expect(map.evictions).toBeGreaterThan(900)
  })

  it('given spent entries, when they are dropped, then that is no eviction', () => {
    const map = new TwoGenerations<number>(4, () => true)
    for (let i = 0; i < 100; i++) map.set(`k${i}`, i)
    expect(map.evictions).toBe(0)
    map.sweep()
    expect(map.size).toBe(0)
  })
})
