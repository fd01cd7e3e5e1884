// One of several processes that ask for one key at once. Told to, it asks as often as it can, and
// tells how many passed.
import { fromIoredis } from '@palisade/core/redis'
import { createLimiter, redisStore } from '@palisade/ratelimit'
import { Redis } from 'ioredis'

const [url = '', namespace = '', algorithm = '', limit = '', attempts = ''] = process.argv.slice(2)
const redis = new Redis(url)
const limiter = createLimiter({
  algorithm: algorithm as 'fixed-window',
  limit: Number(limit),
  window: '30d',
  // Each asks Redis each time, and a decision that Redis did not make is no decision.
  store: redisStore(fromIoredis(redis), { namespace, deadline: '20s', cacheRefusals: false }),
  onStoreFailure: 'closed',
})

process.once('message', async () => {
  const decisions = await Promise.all(
    Array.from({ length: Number(attempts) }, async () => limiter.consume('one')),
  )
  process.send?.({ admitted: decisions.filter(({ allowed }) => allowed).length }, () => redis.disconnect())
})
await redis.ping()
process.send?.('ready')
