import { fromIoredis, fromNodeRedis, type RedisClient } from '@palisade/core/redis'
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'

export interface Connected {
  readonly redis: RedisClient
  close(): Promise<void> | void
}

/** Every client, in every topology: a behaviour that holds for one has to hold for all. */
export const singleNodeClients = [
  { client: 'ioredis', connect: ioredis },
  { client: 'node-redis', connect: nodeRedis },
]

export const clusterClients = [
  { client: 'ioredis', connect: ioredisCluster },
  { client: 'node-redis', connect: nodeRedisCluster },
]

async function ioredis(url: string): Promise<Connected> {
  const client = new Redis(url, { retryStrategy: () => 20, lazyConnect: true })
  client.on('error', () => {})
  await client.connect()
  return { redis: fromIoredis(client), close: () => client.disconnect() }
}

async function nodeRedis(url: string): Promise<Connected> {
  const client = createClient({ url, socket: { reconnectStrategy: () => 20 } })
  client.on('error', () => {})
  await client.connect()
  return { redis: fromNodeRedis(client), close: () => client.destroy() }
}

async function ioredisCluster(url: string): Promise<Connected> {
  const client = new Cluster([url], { lazyConnect: true })
  client.on('error', () => {})
  await client.connect()
  return { redis: fromIoredis(client), close: () => client.disconnect() }
}

async function nodeRedisCluster(url: string): Promise<Connected> {
  const client = createCluster({ rootNodes: [{ url }] })
  client.on('error', () => {})
  await client.connect()
  return { redis: fromNodeRedis(client), close: () => client.destroy() }
}
