import { execFileSync } from 'node:child_process'
import {
  type BreakerState,
  defineScript,
  fromIoredis,
  fromNodeRedis,
  type GuardedRedis,
  guardRedis,
  type RedisClient,
  type RedisGuardOptions,
  RedisUnavailableError,
  redisKeys,
} from '@palisade/core/redis'
import { fakeClock } from '@palisade/core/testing'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  canStartRedis,
  freePort,
  type RedisServer,
  startRedis,
  uniqueNamespace,
} from '../../../../test/support/redis.js'
import { type Connected, singleNodeClients } from './clients.js'

const count = defineScript({ name: 'test.count', lua: "return redis.call('INCR', KEYS[1])" })
const key = redisKeys(uniqueNamespace(), 'test')('n')

/** A program that waits for one answer of the server on a port. */
const PING =
  "require('node:net').connect(process.argv[1], '127.0.0.1', function () { this.end('PING\\r\\n') }).resume()"

/** How each call ended: its reply, or the code of its error. */
async function outcomes(calls: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(calls)
  return settled.map(one =>
    one.status === 'fulfilled' ? one.value : (one.reason as RedisUnavailableError).code,
  )
}

describe.each(singleNodeClients)('a guarded $client', ({ connect }) => {
  describe.skipIf(!canStartRedis())('on a server that is harmed', () => {
    let server: RedisServer
    let connected: Connected
    let redis: GuardedRedis
    let clock: ReturnType<typeof fakeClock>
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)

    beforeAll(async () => {
      process.on('unhandledRejection', note)
      server = await startRedis()
    })
    afterAll(async () => {
      process.off('unhandledRejection', note)
      await server?.stop()
    })
    beforeEach(async () => {
      await server.restart()
      connected = await connect(server.url)
      clock = fakeClock()
      redis = guarded({})
    })
    afterEach(async () => {
      redis.dispose()
      await connected.close()
      expect(unhandled).toEqual([])
    })

    const guarded = (options: RedisGuardOptions) =>
      guardRedis(connected.redis, { deadline: '250ms', breaker: { failures: 3 }, clock, ...options })
    const run = () => redis.run(count, [key])
    /** The client reconnects when it likes; each attempt is the probe of one back-off. */
    const recovered = async () => {
      while (redis.state !== 'closed') {
        clock.advance(10_000)
        await outcomes([run()])
      }
    }

    it('ends every call at the deadline while the server is frozen', async () => {
      await run()
      server.freeze()
      expect(await outcomes([run(), run()])).toEqual(['REDIS_DEADLINE', 'REDIS_DEADLINE'])
      server.thaw()
    })

    it('stops asking a frozen server after a few failures, then asks once per back-off', async () => {
      await run()
      server.freeze()
      await outcomes([run(), run(), run()])
      expect(redis.state).toBe('open')
      expect(redis.available).toBe(false)
      expect(await outcomes([run(), run()])).toEqual(['REDIS_BREAKER_OPEN', 'REDIS_BREAKER_OPEN'])
      clock.advance(500)
      expect(redis.available).toBe(true)
      expect((await outcomes([run(), run()])).toSorted()).toEqual(['REDIS_BREAKER_OPEN', 'REDIS_DEADLINE'])
      expect(redis.state).toBe('open')
      server.thaw()
    })

    it('says what opened the breaker', async () => {
      server.freeze()
      await outcomes([run(), run(), run()])
      await expect(run()).rejects.toMatchObject({
        code: 'REDIS_BREAKER_OPEN',
        message: 'Redis: test.count was not sent, as the circuit breaker is open',
        cause: { code: 'REDIS_DEADLINE', message: 'Redis: test.count took more than 250 ms' },
      })
      server.thaw()
    })

    it('drops the late replies of a server that thaws, and works again', async () => {
      const changes: BreakerState[] = []
      redis = guarded({ onStateChange: state => void changes.push(state) })
      await run()
      server.freeze()
      await outcomes([run(), run(), run()])
      server.thaw()
      await recovered()
      // The three late calls were executed, then the probe.
      expect(await run()).toBe(6)
      expect(changes).toEqual(['open', 'half-open', 'closed'])
    })

    it('ends every call while the server is gone, and works again when it is back on its port', async () => {
      await run()
      await server.kill()
      const while_ = await outcomes(Array.from({ length: 20 }, run))
      expect(while_.every(code => code === 'REDIS_FAILED' || code === 'REDIS_DEADLINE')).toBe(true)
      expect(redis.state).toBe('open')
      await server.restart()
      await recovered()
      expect(await run()).toEqual(expect.any(Number))
    })

    it('all calls that were under way when the server died end in time', async () => {
      server.freeze()
      const calls = outcomes([run(), run(), run(), run()])
      await server.kill()
      expect((await calls).every(code => code === 'REDIS_FAILED' || code === 'REDIS_DEADLINE')).toBe(true)
    })

    it('counts a server that is loading, full or read-only as out', async () => {
      await server.command('CONFIG', 'SET', 'maxmemory', '1')
      expect(await outcomes([1, 2, 3].map(() => redis.send(['SET', key, '1'], key)))).toEqual(
        Array(3).fill('REDIS_FAILED'),
      )
      expect(redis.state).toBe('open')
    })

    it('sends no more than is pending at most, those past their deadline included', async () => {
      redis = guarded({ maxPending: 2, breaker: { failures: 1000 } })
      await run()
      server.freeze()
      const three = await outcomes([run(), run(), run()])
      expect(three.toSorted()).toEqual(['REDIS_DEADLINE', 'REDIS_DEADLINE', 'REDIS_FAILED'])
      await expect(run()).rejects.toThrow('was not sent, as 2 calls wait for the client')
      server.thaw()
    })

    it('does not blame the server for a pause of this process', async () => {
      await run()
      const answered = outcomes([run(), run()])
      await new Promise(resolve => setImmediate(resolve))
      // The server answers what came before this command first; then the process stays busy past
      // the deadline.
      const until = performance.now() + 80
      execFileSync(process.execPath, ['-e', PING, String(server.port)])
      while (performance.now() < until);
      expect(await answered).toEqual([2, 3])
    })

    it('dispose ends what waits and what comes, and leaves the client open', async () => {
      await run()
      server.freeze()
      const waiting = outcomes([run(), run()])
      redis.dispose()
      expect(await waiting).toEqual(['REDIS_FAILED', 'REDIS_FAILED'])
      expect(redis.available).toBe(false)
      await expect(run()).rejects.toThrow('came after dispose()')
      server.thaw()
      expect(await connected.redis.send(['PING'])).toBe('PONG')
    })
  })
})

describe('a client that queues while it was never connected', () => {
  it('ioredis: the call ends at its deadline', async () => {
    const client = new Redis(await freePort(), '127.0.0.1', {
      maxRetriesPerRequest: null,
      retryStrategy: () => 10_000,
    })
    client.on('error', () => {})
    const redis = guardRedis(fromIoredis(client), { deadline: 20 })
    await expect(redis.run(count, [key])).rejects.toMatchObject({ code: 'REDIS_DEADLINE' })
    client.disconnect()
  })

  it('node-redis: the call ends at its deadline', async () => {
    const client = createClient({ socket: { port: await freePort(), reconnectStrategy: () => 10_000 } })
    client.on('error', () => {})
    client.connect().catch(() => {})
    const redis = guardRedis(fromNodeRedis(client), { deadline: 20 })
    await expect(redis.run(count, [key])).rejects.toMatchObject({ code: 'REDIS_DEADLINE' })
    client.destroy()
  })

  it('node-redis: without connect() the call fails with its reason', async () => {
    const redis = guardRedis(fromNodeRedis(createClient()))
    await expect(redis.run(count, [key])).rejects.toMatchObject({
      code: 'REDIS_FAILED',
      message: expect.stringContaining('closed'),
    })
  })
})

describe('a client that misbehaves', () => {
  const client = (send: () => Promise<unknown>): RedisClient => ({
    send,
    subscribe: () => ({ ready: Promise.resolve(), close: () => {} }),
  })

  it('by a throw is one that failed', async () => {
    const redis = guardRedis(
      client(() => {
        throw new Error('thrown')
      }),
    )
    await expect(redis.send(['PING'])).rejects.toMatchObject({
      code: 'REDIS_FAILED',
      message: 'Redis: PING failed: thrown',
    })
    await expect(redis.run(count, [key])).rejects.toBeInstanceOf(RedisUnavailableError)
  })

  it('by a late rejection harms nobody', async () => {
    const rejections: ((reason: Error) => void)[] = []
    const redis = guardRedis(
      client(() => new Promise((_, reject) => rejections.push(reject))),
      { deadline: 1, clock: fakeClock() },
    )
    await expect(redis.send(['PING'])).rejects.toMatchObject({ code: 'REDIS_DEADLINE' })
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    rejections[0]?.(new Error('late'))
    await new Promise(resolve => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  it('given a reply after the deadline, it is handed to whoever asked for it, and not after dispose()', async () => {
    const replies: ((reply: unknown) => void)[] = []
    const redis = guardRedis(
      client(() => new Promise(resolve => replies.push(resolve))),
      { deadline: 1, clock: fakeClock() },
    )
    const late: unknown[] = []
    const note = (reply: unknown) => {
      late.push(reply)
      throw new Error('of the listener')
    }
    const ask = () =>
      expect(redis.run(count, [key], [], note)).rejects.toMatchObject({ code: 'REDIS_DEADLINE' })
    const turn = () => new Promise(resolve => setImmediate(resolve))
    await ask()
    await ask()
    expect(late).toEqual([])
    replies[0]?.(7)
    await turn()
    expect(late).toEqual([7])
    redis.dispose()
    replies[1]?.(8)
    await turn()
    expect(late).toEqual([7])
  })

  it('by answering always, and always too late, opens the breaker', async () => {
    const late: ((reply: string) => void)[] = []
    const redis = guardRedis(
      client(() => new Promise(resolve => late.push(resolve))),
      { deadline: 1, breaker: { failures: 3 }, clock: fakeClock() },
    )
    for (let i = 0; i < 3; i++) {
      await expect(redis.send(['PING'])).rejects.toMatchObject({ code: 'REDIS_DEADLINE' })
      late[i]?.('PONG')
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(redis.state).toBe('open')
  })

  it.each([
    'NOPERM this user has no permissions to run the command',
    'NOAUTH Authentication required.',
    'WRONGPASS invalid username-password pair or user is disabled.',
    'MOVED 3999 127.0.0.1:6381',
  ])('given a server that answers %s, the breaker opens', async message => {
    const redis = guardRedis(
      client(() => Promise.reject(new Error(message))),
      { breaker: { failures: 1 } },
    )
    await expect(redis.send(['PING'])).rejects.toMatchObject({ code: 'REDIS_FAILED' })
    expect(redis.state).toBe('open')
  })

  it('by an error that only looks like a reply counts against the server', async () => {
    const tls = Object.assign(new Error('ERR SSL handshake'), { code: 'ERR_SSL_WRONG_VERSION_NUMBER' })
    const redis = guardRedis(
      client(() => Promise.reject(tls)),
      { breaker: { failures: 1 } },
    )
    await expect(redis.send(['PING'])).rejects.toMatchObject({ cause: tls })
    expect(redis.state).toBe('open')
  })
})

describe('options of a guard', () => {
  const client: RedisClient = {
    send: async () => 'PONG',
    subscribe: () => ({ ready: Promise.resolve(), close: () => {} }),
  }

  it.each([
    [{ deadline: 0 }, /option "deadline"/],
    [{ deadlin: 5 }, /did you mean "deadline"/],
    [{ breaker: { failures: 0 } }, /option "breaker.failures"/],
    [{ breaker: false }, /option "breaker"/],
    [
      { breaker: { backoff: '5s', maxBackoff: '1s' } },
      /option "breaker.maxBackoff" is 1000; allowed: at least backoff, 5000 ms/,
    ],
    [{ maxPending: 0 }, /option "maxPending"/],
    [{ clock: Date }, /option "clock"/],
    [{ onStateChange: 'log' }, /option "onStateChange"/],
  ])('%j are refused', (options, message) => {
    expect(() => guardRedis(client, options as RedisGuardOptions)).toThrow(message)
  })
})
