import v8 from 'node:v8'
import vm from 'node:vm'
import { ConfigError } from '@palisade/core'
import { fakeClock } from '@palisade/core/testing'
import { createLimiter, memoryStore } from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'

describe('memoryStore', () => {
  it('given a flood of random keys, when the store is full, then who is being limited stays limited', () => {
    const clock = fakeClock()
    const store = memoryStore({ maxKeys: 100 })
    const limiter = createLimiter({ algorithm: 'fixed-window', limit: 3, window: '1m', store, clock })
    limiter.consume('culprit', 3)
    for (let i = 0; i < 10_000; i++) limiter.consume(`random ${i}`)
    expect(limiter.consume('culprit')).toMatchObject({ allowed: false })
    expect(store.size).toBe(100)
    expect(store.isFull).toBe(true)
  })

  it('given a full store, when new keys come, then together they get no more than the overflow slots hold', () => {
    const store = memoryStore({ maxKeys: 128 })
    const limiter = createLimiter({ limit: 3, window: '1m', store, clock: fakeClock() })
    for (let i = 0; i < 128; i++) limiter.consume(`known ${i}`)
    let allowed = 0
    for (let i = 0; i < 5000; i++) if (limiter.consume(`new ${i}`).allowed) allowed++
    // 128 keys have 2 overflow slots of 3 each.
    expect(allowed).toBe(6)
    expect(limiter.consume('known 5')).toMatchObject({ allowed: true, remaining: 1 })
  })

  it('given a full store, when the windows have passed, then new keys have counts of their own again', () => {
    const clock = fakeClock()
    const store = memoryStore({ maxKeys: 64 })
    const limiter = createLimiter({ algorithm: 'fixed-window', limit: 1, window: '1m', store, clock })
    for (let i = 0; i < 200; i++) limiter.consume(`old ${i}`)
    clock.advance(60_000)
    for (let i = 0; i < 64; i++)
      expect(limiter.consume(`new ${i}`), `new ${i}`).toMatchObject({ allowed: true })
    expect(store.size).toBe(64)
  })

  it('given keys that are not seen again, when others keep coming, then the old ones are swept without a timer', () => {
    const clock = fakeClock()
    const store = memoryStore()
    const limiter = createLimiter({ limit: 5, window: '1s', store, clock })
    for (let i = 0; i < 1000; i++) limiter.consume(`once ${i}`)
    expect(store.size).toBe(1000)
    clock.advance(3000)
    for (let i = 0; i < 1000; i++) limiter.consume('always')
    expect(store.size).toBe(1)
  })

  it('given a clock that has stepped back, when others keep coming, then what runs out is still swept', () => {
    const clock = fakeClock()
    const store = memoryStore()
    const limiter = createLimiter({ limit: 5, window: '1s', store, clock })
    for (let i = 0; i < 100; i++) limiter.consume(`before ${i}`)
    clock.set(clock.now() - 3_600_000)
    for (let i = 0; i < 1000; i++) limiter.consume(`after ${i}`)
    clock.advance(3000)
    for (let i = 0; i < 1500; i++) limiter.consume('always')
    expect(store.size).toBe(1)
  })

  it('given a key whose slot was swept, when it comes again, then it starts whole, and its neighbours are untouched', () => {
    const clock = fakeClock()
    const store = memoryStore()
    const limiter = createLimiter({ algorithm: 'sliding-log', limit: 3, window: '1s', store, clock })
    limiter.consume('a', 3)
    clock.advance(2000)
    for (let i = 0; i < 20; i++) limiter.consume('b', 0)
    expect(store.size).toBe(0)
    limiter.consume('b', 2)
    expect(limiter.consume('a')).toMatchObject({ allowed: true, remaining: 2 })
    expect(limiter.consume('b', 0)).toMatchObject({ remaining: 1 })
  })

  it('given room for millions of keys, when many come, then each has its own count', () => {
    const limiter = createLimiter({
      algorithm: 'fixed-window',
      limit: 2,
      window: '1h',
      store: memoryStore({ maxKeys: 5_000_000 }),
      clock: fakeClock(),
    })
    const keys = Array.from({ length: 20_000 }, (_, i) => `${i % 7}.${i}`)
    for (const key of keys) limiter.consume(key)
    for (const key of keys) expect(limiter.consume(key).remaining).toBe(0)
  })

  it('a refused attempt of an unknown key leaves nothing behind', () => {
    const store = memoryStore()
    const limiter = createLimiter({ limit: 3, window: '1s', store, clock: fakeClock() })
    limiter.consume('k', 4)
    limiter.consume('k', 0)
    expect(store.size).toBe(0)
  })

  it('limiters that share a store share the counts of policies of one name', () => {
    const store = memoryStore()
    const clock = fakeClock()
    const policy = { name: 'shared', limit: 2, window: '1m', store, clock } as const
    createLimiter(policy).consume('k')
    expect(createLimiter(policy).consume('k')).toMatchObject({ remaining: 0 })
  })

  it('a name that is already counted in another way is refused at construction', () => {
    const store = memoryStore()
    const name = 'shared'
    createLimiter({ name, limit: 2, window: '1m', store })
    expect(() => createLimiter({ name, limit: 2, window: '2m', store })).toThrow(ConfigError)
    expect(() => createLimiter({ name, algorithm: 'gcra', limit: 2, window: '1m', store })).toThrow(
      /"shared"/,
    )
    expect(() => createLimiter({ name, limit: 5, window: '1m', store })).not.toThrow()
  })

  it('a key cut out of a long header does not keep the header in memory', () => {
    const limiter = createLimiter({ limit: 5, window: '1m', clock: fakeClock() })
    collect()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 1000; i++) {
      const header = `${i}, ${'x'.repeat(50_000)}, 198.51.100.${i}`
      limiter.consume(header.slice(header.lastIndexOf(' ') + 1))
    }
    collect()
    // 1,000 headers would be 50 MB.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000)
    expect(limiter.consume('198.51.100.7', 0).remaining).toBe(4)
  })

  it('a key of any length costs a bounded amount, and two long ones are two', () => {
    const limiter = createLimiter({ limit: 2, window: '1m', clock: fakeClock() })
    const long = 'x'.repeat(10_000)
    limiter.consume(`${long}a`)
    expect(limiter.consume(`${long}a`).remaining).toBe(0)
    expect(limiter.consume(`${long}b`).remaining).toBe(1)
  })
})

function collect(): void {
  v8.setFlagsFromString('--expose-gc')
  const gc = vm.runInNewContext('gc') as () => void
  gc()
}
