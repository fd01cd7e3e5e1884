import {
  defineScript,
  fromIoredis,
  fromNodeRedis,
  type GuardedRedis,
  type RedisClient,
  replyInteger,
} from '@palisade/core/redis'
import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool, createCluster, createSentinel } from 'redis'
import { describe, expectTypeOf, it } from 'vitest'

describe('the clients as their packages type them', () => {
  it('are accepted', () => {
    expectTypeOf(fromIoredis(new Redis())).toEqualTypeOf<RedisClient>()
    fromIoredis(new Cluster([]))
    fromIoredis(new Redis({ replyMapping: 'resp3', protocol: 3 }))
    fromNodeRedis(createClient())
    fromNodeRedis(createClient({ RESP: 2 }))
    fromNodeRedis(createCluster({ rootNodes: [] }))
    fromNodeRedis(createSentinel({ name: 'main', sentinelRootNodes: [] }))
  })

  it('are not mistaken for each other', () => {
    // @ts-expect-error: a node-redis client has no `call`
    fromIoredis(createClient())
    // @ts-expect-error: an ioredis client has no `isOpen`
    fromNodeRedis(new Redis())
    // @ts-expect-error: a pool cannot be duplicated
    fromNodeRedis(createClientPool())
  })
})

describe('a script', () => {
  it('gives what its reader gives, and else unknown', () => {
    const redis = {} as GuardedRedis
    const number = defineScript({ name: 'n', lua: 'return 1', read: replyInteger })
    expectTypeOf(redis.run(number, ['k'])).resolves.toEqualTypeOf<number>()
    expectTypeOf(
      redis.run(defineScript({ name: 'n', lua: 'return 1' }), ['k']),
    ).resolves.toEqualTypeOf<unknown>()
  })
})
