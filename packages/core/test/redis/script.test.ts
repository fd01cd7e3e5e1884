import { createHash } from 'node:crypto'
import { defineScript, guardRedis, redisKeys, replyInteger } from '@palisade/core/redis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  canStartRedis,
  type RedisCluster,
  type RedisServer,
  redisProgram,
  startRedis,
  startRedisCluster,
  uniqueNamespace,
} from '../../../../test/support/redis.js'
import { type Connected, clusterClients, singleNodeClients } from './clients.js'

const count = defineScript({
  name: 'test.count',
  lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
  keys: 1,
  read: replyInteger,
})

/** Another source, hence another digest, for each test that must find it unknown. */
const unseen = () =>
  defineScript({ name: 'test.unseen', lua: `return redis.call('INCR', KEYS[1]) -- ${uniqueNamespace()}` })

const programs = [
  { server: 'redis-server', program: redisProgram(['redis-server']) },
  { server: 'valkey-server', program: redisProgram(['valkey-server']) },
]
const singles = programs.flatMap(program => singleNodeClients.map(client => ({ ...program, ...client })))

describe('a script', () => {
  it('has its digest from the start, and cannot be changed', () => {
    expect(count.sha1).toBe(createHash('sha1').update(count.lua).digest('hex'))
    expect(count).toSatisfy(Object.isFrozen)
  })

  it.each([
    [{ name: '', lua: 'return 1' }, /defineScript: option "name"/],
    [{ name: 'x', lua: 7 }, /defineScript: option "lua"/],
    [{ name: 'x', lua: 'return 1', keys: 0 }, /defineScript: option "keys"/],
    [{ name: 'x', lua: 'return 1', key: 1 }, /did you mean "keys"/],
  ])('%j is refused', (definition, message) => {
    expect(() => defineScript(definition as never)).toThrow(message)
  })
})

for (const { server: name, program, client, connect } of singles) {
  describe.skipIf(program === undefined)(`scripts on ${name} through ${client}`, () => {
    const key = redisKeys(uniqueNamespace(), 'test')
    let server: RedisServer
    let connected: Connected

    beforeAll(async () => {
      server = await startRedis({ program: program ?? '' })
    })
    afterAll(() => server?.stop())
    afterEach(() => connected?.close())

    const guarded = async () => {
      connected = await connect(server.url)
      return guardRedis(connected.redis, { deadline: '10s' })
    }

    it('run with keys and arguments, and the reply is read', async () => {
      const redis = await guarded()
      expect(await redis.run(count, [key('sum')], ['2'])).toBe(2)
      expect(await redis.run(count, [key('sum')], ['40'])).toBe(42)
    })

    it('all succeed when many find at once that the server does not know them', async () => {
      const redis = await guarded()
      const script = unseen()
      const replies = await Promise.all(Array.from({ length: 500 }, () => redis.run(script, [key('many')])))
      expect(new Set(replies).size).toBe(500)
    })

    it('send their source only when the server does not know it', async () => {
      const redis = await guarded()
      const script = unseen()
      await server.command('CONFIG', 'RESETSTAT')
      for (let i = 0; i < 10; i++) await redis.run(script, [key('once')])
      const stats = await server.command('INFO', 'commandstats')
      expect(stats).toMatch(/cmdstat_eval:calls=1,/)
      expect(stats).toMatch(/cmdstat_evalsha:calls=10,/)
    })

    it('all succeed while the scripts are flushed between them', async () => {
      const redis = await guarded()
      const calls: Promise<unknown>[] = []
      for (let i = 0; i < 400; i++) {
        calls.push(redis.run(count, [key('flushed')], ['1']))
        if (i % 50 === 25) calls.push(redis.send(['SCRIPT', 'FLUSH']))
        if (i % 100 === 99) await calls.at(-1)
      }
      await Promise.all(calls)
      expect(await redis.run(count, [key('flushed')], ['0'])).toBe(400)
    })

    it('that fail inside say which, keep the cause, and do not count against the server', async () => {
      const redis = await guarded()
      await redis.send(['SET', key('text'), 'not a number'], key('text'))
      for (let i = 0; i < 20; i++) {
        await expect(redis.run(count, [key('text')], ['1'])).rejects.toMatchObject({
          name: 'RedisUnavailableError',
          code: 'REDIS_FAILED',
          operation: 'test.count',
          cause: expect.any(Error),
        })
      }
      expect(redis.state).toBe('closed')
    })

    it('whose reply cannot be read fail the call and not the breaker', async () => {
      const redis = await guarded()
      const odd = defineScript({ name: 'test.odd', lua: "return 'many'", read: replyInteger })
      await expect(redis.run(odd, [key('odd')])).rejects.toMatchObject({
        code: 'REDIS_FAILED',
        cause: expect.any(TypeError),
      })
      expect(redis.state).toBe('closed')
    })

    it('with a wrong number of keys are a fault of the store', async () => {
      const redis = await guarded()
      await expect(redis.run(count, [key('a'), key('b')])).rejects.toThrow(TypeError)
      await expect(redis.run(unseen(), [])).rejects.toThrow(TypeError)
    })

    it('carry any text unchanged', async () => {
      const redis = await guarded()
      const echo = defineScript({ name: 'test.echo', lua: 'return { KEYS[1], ARGV[1], 7, false }' })
      const text = 'é\r\n$5\u0000😀"'
      expect(await redis.run(echo, [key(text)], [text])).toEqual([key(text), text, 7, null])
    })
  })
}

describe.skipIf(!canStartRedis())('scripts in a Redis Cluster', () => {
  let cluster: RedisCluster
  let connected: Connected

  beforeAll(async () => {
    cluster = await startRedisCluster()
  }, 30_000)
  afterAll(() => cluster?.stop())
  afterEach(() => connected?.close())

  describe.each(clusterClients)('through $client', ({ connect }) => {
    const guarded = async () => {
      connected = await connect(cluster.nodes[0]?.url ?? '')
      return guardRedis(connected.redis, { deadline: '10s' })
    }
    /** Enough namespaces that every node has some. */
    const namespaces = () => Array.from({ length: 24 }, () => redisKeys(uniqueNamespace(), 'test'))

    it('find the node of their keys, and every node learns them', async () => {
      const redis = await guarded()
      const script = unseen()
      const keys = namespaces()
      const twice = keys.flatMap(key => [redis.run(script, [key('a')]), redis.run(script, [key('a')])])
      const replies = await Promise.all(twice)
      expect(replies.toSorted()).toEqual([...Array(24).fill(1), ...Array(24).fill(2)])
      const sizes = await Promise.all(cluster.nodes.map(node => node.command('DBSIZE')))
      expect(sizes.map(Number).every(size => size > 0)).toBe(true)
    })

    it('take several keys of one namespace', async () => {
      const redis = await guarded()
      const both = defineScript({
        name: 'test.both',
        lua: "return redis.call('INCR', KEYS[1]) + redis.call('INCR', KEYS[2])",
        keys: 2,
      })
      for (const key of namespaces()) expect(await redis.run(both, [key('a'), key('b:c')])).toBe(2)
    })

    it('all succeed while the nodes forget them', async () => {
      const redis = await guarded()
      const keys = namespaces()
      const calls: Promise<unknown>[] = []
      for (let round = 0; round < 8; round++) {
        for (const key of keys) calls.push(redis.run(count, [key('n')], ['1']))
        await Promise.all(cluster.nodes.map(node => node.command('SCRIPT', 'FLUSH')))
      }
      await Promise.all(calls)
      const sums = await Promise.all(keys.map(key => redis.run(count, [key('n')], ['0'])))
      expect(sums).toEqual(Array(24).fill(8))
    })

    it('single commands find their node as well', async () => {
      const redis = await guarded()
      for (const key of namespaces()) {
        expect(await redis.send(['SET', key('v'), '1', 'PX', '60000'], key('v'))).toBe('OK')
        expect(await redis.send(['GET', key('v')], key('v'))).toBe('1')
      }
    })
  })
})
