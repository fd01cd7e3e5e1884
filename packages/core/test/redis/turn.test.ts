import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisUrl, uniqueNamespace } from '../../../../test/support/redis.js'
import { singleNodeClients } from './clients.js'

const url = redisUrl()

describe.skipIf(url === undefined).each(singleNodeClients)(
  '$client: commands of one turn of the loop',
  ({ connect }) => {
    let observer: Redis
    beforeAll(() => {
      observer = new Redis(url as string)
    })
    afterAll(() => observer?.disconnect())

    /** How often the server has read from a socket. */
    const reads = async () => Number(/total_reads_processed:(\d+)/.exec(await observer.info('stats'))?.[1])

    it('leave together, and are answered in their order', async () => {
      const { redis, close } = await connect(url as string)
      const key = uniqueNamespace()
      const before = await reads()
      const replies = await Promise.all(Array.from({ length: 200 }, () => redis.send(['INCR', key], key)))
      const after = await reads()
      expect(replies).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
      // One for the first, a few for the rest, and those of other clients of this server.
      expect(after - before).toBeLessThan(100)
      await close()
    })

    it('given a connection that is lost before they left, each is answered or rejected, and later ones are answered', async () => {
      const { redis, close } = await connect(url as string)
      const key = uniqueNamespace()
      const id = String(await redis.send(['CLIENT', 'ID']))
      const killed = observer.call('CLIENT', 'KILL', 'ID', id)
      const settled = await Promise.allSettled(
        Array.from({ length: 50 }, () => redis.send(['INCR', key], key)),
      )
      await killed
      expect(settled).toHaveLength(50)
      expect(await redis.send(['INCR', key], key)).toBeGreaterThan(0)
      await close()
    })
  },
)
