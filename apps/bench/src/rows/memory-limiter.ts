import { createLimiter } from '@palisade/ratelimit'
import { MemoryStore } from 'express-rate-limit'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { epochMs } from '../clock.js'
import { Windows } from '../hosts/floor/windows.js'
import { WINDOW_MS } from '../hosts/host.js'
import { addresses } from './random.js'
import type { Prepared, Row } from './row.js'

const KEYS = addresses(10_000, 1)
const LIMIT = 1_000_000_000
const keyAt = (i: number) => KEYS[i % KEYS.length] as string

function palisade(algorithm: 'fixed-window' | 'sliding-window'): Prepared {
  const limiter = createLimiter({ algorithm, limit: LIMIT, window: '1m' })
  return {
    run(decisions) {
      let sum = 0
      for (let i = 0; i < decisions; i++) sum += limiter.consume(keyAt(i)).remaining
      return sum
    },
  }
}

/** One request of one of 10,000 clients against a fixed window. */
export const memoryLimiter: Row = {
  title: 'fixed window in memory, 10,000 keys',
  contestants: [
    {
      name: 'palisade createLimiter',
      prepare: () => palisade('fixed-window'),
    },
    {
      name: 'palisade createLimiter, sliding window (its default)',
      prepare: () => palisade('sliding-window'),
    },
    {
      name: 'by hand (a Map)',
      prepare() {
        const windows = new Windows(LIMIT, WINDOW_MS)
        return {
          run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++) sum += windows.take(keyAt(i), epochMs()).count
            return sum
          },
        }
      },
    },
    {
      name: 'express-rate-limit MemoryStore',
      prepare() {
        const store = new MemoryStore()
        // Of its options the store reads the window alone.
        store.init({ windowMs: WINDOW_MS } as Parameters<MemoryStore['init']>[0])
        return {
          async run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++) sum += (await store.increment(keyAt(i))).totalHits
            return sum
          },
          dispose: () => store.shutdown(),
        }
      },
    },
    {
      name: 'rate-limiter-flexible memory',
      prepare() {
        const limiter = new RateLimiterMemory({ points: LIMIT, duration: WINDOW_MS / 1000 })
        return {
          async run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++) sum += (await limiter.consume(keyAt(i))).remainingPoints
            return sum
          },
          async dispose() {
            for (const key of KEYS) await limiter.delete(key)
          },
        }
      },
    },
  ],
}
