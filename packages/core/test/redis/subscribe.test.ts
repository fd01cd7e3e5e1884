import { guardRedis } from '@palisade/core/redis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  canStartRedis,
  type RedisCluster,
  type RedisServer,
  startRedis,
  startRedisCluster,
  uniqueNamespace,
} from '../../../../test/support/redis.js'
import { type Connected, clusterClients, singleNodeClients } from './clients.js'

/** What a listener heard, to be waited for. */
function inbox() {
  const messages: string[] = []
  let arrived = () => {}
  return {
    messages,
    listener: (message: string) => {
      messages.push(message)
      arrived()
    },
    async has(message: string) {
      while (!messages.includes(message)) await new Promise<void>(resolve => (arrived = resolve))
    },
  }
}

describe.skipIf(!canStartRedis())('a subscription', () => {
  let server: RedisServer
  let cluster: RedisCluster
  let connected: Connected

  beforeAll(async () => {
    server = await startRedis()
    cluster = await startRedisCluster()
  }, 30_000)
  afterAll(async () => {
    await server?.stop()
    await cluster?.stop()
  })
  afterEach(() => connected?.close())

  const topologies = [
    ...singleNodeClients.map(one => ({ ...one, topology: 'a single node', url: () => server.url })),
    ...clusterClients.map(one => ({ ...one, topology: 'a cluster', url: () => cluster.nodes[0]?.url ?? '' })),
  ]

  describe.each(topologies)('through $client on $topology', ({ connect, url }) => {
    it('hears its channel and no other, on a connection of its own', async () => {
      connected = await connect(url())
      const redis = guardRedis(connected.redis, { deadline: '10s' })
      const [channel, other] = [uniqueNamespace(), uniqueNamespace()]
      const { listener, messages, has } = inbox()
      const heard = connected.redis.subscribe(channel, listener)
      await heard.ready
      await redis.send(['PUBLISH', other, 'for others'], other)
      await redis.send(['PUBLISH', channel, 'é 1'], channel)
      await has('é 1')
      await redis.send(['PUBLISH', channel, 'last'], channel)
      await has('last')
      expect(messages).toEqual(['é 1', 'last'])
      heard.close()
    })

    it('can be closed before it is ready, and twice', async () => {
      connected = await connect(url())
      const heard = connected.redis.subscribe(uniqueNamespace(), () => {})
      heard.close()
      heard.close()
      await Promise.allSettled([heard.ready])
      expect(await connected.redis.send(['PING'])).toBe('PONG')
    })
  })

  it.each(singleNodeClients)('through $client is renewed when the server comes back', async ({ connect }) => {
    connected = await connect(server.url)
    const channel = uniqueNamespace()
    const { listener, has } = inbox()
    const heard = connected.redis.subscribe(channel, listener)
    await heard.ready
    await server.restart()
    while ((await server.command('PUBLISH', channel, 'back')) === '0');
    await has('back')
    heard.close()
  })

  it.each(singleNodeClients)(
    'through $client waits for a server that is not there yet',
    async ({ connect }) => {
      connected = await connect(server.url)
      await server.kill()
      const heard = connected.redis.subscribe(uniqueNamespace(), () => {})
      await server.restart()
      await heard.ready
      heard.close()
    },
  )
})
