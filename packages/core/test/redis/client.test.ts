import {
  fromIoredis,
  fromNodeRedis,
  guardRedis,
  type IoredisClient,
  type NodeRedisClient,
  type RedisClient,
} from '@palisade/core/redis'
import { Redis } from 'ioredis'
import { createClient, createClientPool, createCluster, createSentinel } from 'redis'
import { afterAll, describe, expect, it } from 'vitest'

const ioredis = new Redis({ lazyConnect: true })
const nodeRedis = createClient()
const pool = createClientPool()

afterAll(() => ioredis.disconnect())

/** What plain JavaScript may pass, whatever the types say. */
const asIoredis = (value: unknown) => fromIoredis(value as IoredisClient)
const asNodeRedis = (value: unknown) => fromNodeRedis(value as NodeRedisClient)
const asClient = (value: unknown) => guardRedis(value as RedisClient)

describe('a client that is wrong is refused when it is wrapped, with what was probably meant', () => {
  it.each([
    ['a node-redis client', () => asIoredis(nodeRedis), /fromIoredis: option "client".*use fromNodeRedis/],
    ['a URL', () => asIoredis('redis://localhost'), /this is a URL/],
    ['the class', () => asIoredis(Redis), /this is a class/],
    ['a pipeline', () => asIoredis(ioredis.pipeline()), /looks like a pipeline/],
    ['a wrapped client', () => asIoredis(fromIoredis(ioredis)), /a RedisClient already/],
    ['nothing', () => asIoredis(undefined), /is missing; allowed: an ioredis client/],
  ])('fromIoredis: %s', (_what, wrap, message) => {
    expect(wrap).toThrow(message)
    expect(wrap).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  it.each([
    ['an ioredis client', () => asNodeRedis(ioredis), /fromNodeRedis: option "client".*use fromIoredis/],
    ['a promise of one', () => asNodeRedis(Promise.resolve(nodeRedis)), /this is a promise: await it/],
    ['a pool', () => asNodeRedis(pool), /looks like a node-redis pool/],
    ['its legacy mode', () => asNodeRedis(nodeRedis.legacy()), /allowed: a node-redis client/],
    ['null', () => asNodeRedis(null), /is null; allowed/],
  ])('fromNodeRedis: %s', (_what, wrap, message) => {
    expect(wrap).toThrow(message)
    expect(wrap).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  it.each([
    ['a bare ioredis client', () => asClient(ioredis), /guardRedis: option "client".*use fromIoredis/],
    ['a bare node-redis client', () => asClient(nodeRedis), /use fromNodeRedis/],
    ['an empty object', () => asClient({}), /allowed: a RedisClient/],
  ])('a store: %s', (_what, wrap, message) => {
    expect(wrap).toThrow(message)
  })
})

describe('a client that is not connected is accepted, as connecting is the team’s', () => {
  it.each([
    ['ioredis', () => fromIoredis(ioredis)],
    ['node-redis', () => fromNodeRedis(nodeRedis)],
    [
      'node-redis cluster',
      () => fromNodeRedis(createCluster({ rootNodes: [{ url: 'redis://127.0.0.1:1' }] })),
    ],
    [
      'node-redis sentinel',
      () =>
        fromNodeRedis(createSentinel({ name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] })),
    ],
  ])('%s', (_name, wrap) => {
    expect(wrap()).toMatchObject({ send: expect.any(Function), subscribe: expect.any(Function) })
  })
})
