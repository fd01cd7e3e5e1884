import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { fromIoredis, type RedisClient } from '@palisade/core/redis'
import { Redis } from 'ioredis'
import { Agent } from 'undici'
import { afterEach, describe, expect, test } from 'vitest'
import { canStartRedis, freePort, redisUrl, startRedis } from '../../../../test/support/redis.js'
import { type Check, disk, eventLoop, http, memory, redis, sql, tcp } from '../../src/index.js'
import { scene } from '../support/scene.js'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** What readiness shows of one check. */
async function entryOf(check: Check) {
  closing.push(() => check.dispose?.())
  const { ask } = scene({ checks: [check] })
  const { status, body } = await ask('/ready')
  return { http: status, ...body.checks?.[check.name] } as Readonly<Record<string, unknown>>
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => new Promise(resolve => server.close(resolve)))
  return (server.address() as AddressInfo).port
}

async function web(listener: RequestListener): Promise<string> {
  const server = createHttpServer({ keepAliveTimeout: 600_000 }, listener)
  const port = await listening(server)
  closing.push(() => server.closeAllConnections())
  return `http://127.0.0.1:${port}/status?token=secret`
}

/** Holds the loop, as a long computation does. */
function block(ms: number) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

const turn = () => new Promise(resolve => setImmediate(resolve))

describe('this process', () => {
  test('given a loop that is blocked when it is looked at then it is unhealthy, and well again afterwards', async () => {
    const one = eventLoop({ maxDelay: 100, ttl: 0, name: 'loop' })
    closing.push(() => one.dispose?.())
    const { ask } = scene({ checks: [one] })
    // The histogram's own timer has to have run once before a pause of it can be seen.
    const seen = async () => {
      await new Promise(resolve => setTimeout(resolve, 50))
      block(300)
      await turn()
      await turn()
      return (await ask('/ready')).body.checks?.['loop']
    }
    let entry = await seen()
    while (entry?.['status'] !== 'unhealthy') entry = await seen()
    expect(entry['error']).toMatch(/^the event loop is [\d.]+ ms late; allowed: 100 ms$/)
    expect((await ask('/ready')).body.checks?.['loop']).toMatchObject({ status: 'healthy', max_ms: 0 })
  })

  test('given memory enough when it is looked at then it is healthy with its facts', async () => {
    const entry = await entryOf(memory())
    expect(entry).toMatchObject({ http: 200, status: 'healthy' })
    expect(entry['heap_limit']).toBeGreaterThan(entry['heap_used'] as number)
  })

  test.each([
    [{ maxHeapRatio: 1e-9 }, 'the heap is over 1e-9 of its limit'],
    [{ maxRss: 1 }, 'the process is over 1 bytes'],
  ])('given %j when memory is looked at then it is unhealthy', async (options, error) => {
    expect(await entryOf(memory(options))).toMatchObject({ http: 503, status: 'unhealthy', error })
  })

  test('given room when the disk is looked at then it is healthy with its facts', async () => {
    const entry = await entryOf(disk({ path: tmpdir(), minFreeRatio: 1e-9 }))
    expect(entry).toMatchObject({ http: 200, status: 'healthy' })
    expect(entry['total']).toBeGreaterThan(0)
  })

  test.each([
    [{ path: tmpdir(), minFreeBytes: Number.MAX_SAFE_INTEGER }, /nearly full/],
    [{ path: tmpdir(), minFreeRatio: 1 }, /nearly full/],
    [{ path: '/no/such/directory' }, /ENOENT/],
  ])('given %j when the disk is looked at then it is unhealthy', async (options, error) => {
    expect(await entryOf(disk(options))).toMatchObject({ http: 503, error: expect.stringMatching(error) })
  })

  test.runIf(process.platform === 'linux')(
    'given a file system without a size when it is looked at then it is unhealthy, since nothing is known',
    async () => {
      const error = 'the file system reports no size'
      expect(await entryOf(disk({ path: '/proc' }))).toMatchObject({ http: 503, error })
    },
  )
})

describe('tcp', () => {
  test('given a listener when it is asked then it is healthy, and the connection is closed', async () => {
    const server = createServer()
    const port = await listening(server)
    const connected = once(server, 'connection')
    expect(await entryOf(tcp({ host: '127.0.0.1', port }))).toMatchObject({ http: 200 })
    const [socket] = await connected
    await once(socket.resume(), 'close')
  })

  test('given nobody who listens when it is asked then it is unhealthy', async () => {
    const entry = await entryOf(tcp({ host: '127.0.0.1', port: await freePort() }))
    expect(entry).toMatchObject({ http: 503, error: expect.stringMatching(/ECONNREFUSED/) })
  })
})

describe('tcp, when its time is up', () => {
  test('given a connection that is not there yet when it is aborted then it is ended, and the reason is told', async () => {
    const server = createServer()
    const port = await listening(server)
    const abort = new AbortController()
    const asked = tcp({ host: '127.0.0.1', port }).run(abort.signal)
    abort.abort(new Error('too late'))
    await expect(asked).rejects.toThrow('too late')
  })
})

describe('http', () => {
  test('given nobody who listens when it is asked then it is unhealthy', async () => {
    const entry = await entryOf(http({ url: `http://127.0.0.1:${await freePort()}/` }))
    expect(entry).toMatchObject({ http: 503, error: expect.stringMatching(/ECONNREFUSED/) })
  })

  test('given expect that throws, or says anything but true, when it is asked then it is unhealthy', async () => {
    const url = await web((_req, res) => res.end())
    const fails = () => {
      throw new Error('unexpected')
    }
    expect(await entryOf(http({ url, expect: fails }))).toMatchObject({ http: 503, error: 'unexpected' })
    // Made when it is called: a promise that is rejected before that is unhandled.
    const late = () => Promise.reject(new Error('late'))
    for (const wrong of [() => 'yes', () => 1, () => undefined, async () => true, late]) {
      expect(await entryOf(http({ url, expect: wrong as never }))).toMatchObject({
        http: 503,
        error: expect.stringMatching(/^http: expect returned .*; allowed: true or false$/),
      })
    }
  })

  test('given it is disposed of when its connection is open then that is closed, and a dispatcher of the team is not', async () => {
    const sockets: Socket[] = []
    const url = await web((req, res) => {
      sockets.push(req.socket)
      // So long that neither side closes it by itself.
      res.setHeader('Keep-Alive', 'timeout=600').end()
    })
    const dispatcher = new Agent()
    closing.push(() => dispatcher.destroy())
    for (const one of [http({ url, name: 'own' }), http({ url, name: 'theirs', dispatcher })]) {
      const { ask, edge } = scene({ checks: [one] })
      expect((await ask('/ready')).status).toBe(200)
      await edge.dispose()
    }
    const [own, theirs] = sockets as [Socket, Socket]
    if (!own.destroyed) await once(own, 'close')
    expect(theirs.destroyed).toBe(false)
  })

  test('given its address when it fails then neither the query nor a header is told', async () => {
    const url = await web((_req, res) => res.writeHead(500).end())
    const entry = await entryOf(http({ url, headers: { 'X-Key': 'hunter2' } }))
    expect(JSON.stringify(entry)).not.toMatch(/secret|hunter2/)
  })

  test.each([
    [200, 200],
    [204, 200],
    [302, 503],
    [404, 503],
    [500, 503],
  ])('given a service that answers %i when it is asked then readiness is %i', async (status, expected) => {
    const url = await web((_req, res) => res.writeHead(status, { Location: '/elsewhere' }).end())
    expect(await entryOf(http({ url }))).toMatchObject({ http: expected, http_status: status })
  })

  test('given method, headers and expect when it is asked then they are used', async () => {
    const seen: unknown[] = []
    const url = await web((req, res) => {
      seen.push(req.method, req.headers['x-key'])
      res.writeHead(418).end()
    })
    const check = http({
      url,
      method: 'HEAD',
      headers: { 'X-Key': 'k' },
      expect: status => status === 418,
      name: 'tea',
    })
    expect(await entryOf(check)).toMatchObject({ http: 200 })
    expect(seen).toEqual(['HEAD', 'k'])
  })

  test('given a body without end when it is asked then it is not read on', async () => {
    const url = await web((_req, res) => {
      const write = () => {
        while (!res.destroyed && res.write('x'.repeat(65_536)));
      }
      res.on('drain', write)
      write()
    })
    const entry = await entryOf(http({ url, timeout: '10s' }))
    expect(entry).not.toMatchObject({ error: expect.stringMatching(/no answer within/) })
  })

  test('given a service that does not answer when its time is up then it is unhealthy, and the request is ended', async () => {
    let ended: Promise<unknown> = Promise.resolve()
    const url = await web(req => {
      ended = once(req.socket, 'close')
    })
    expect(await entryOf(http({ url, timeout: 50 }))).toMatchObject({
      http: 503,
      error: 'no answer within 50 ms',
    })
    await ended
  })
})

describe('sql', () => {
  test.each([
    ['answers', async () => [{ one: 1 }], 200],
    ['answers nothing', async () => undefined, 200],
    ['answers false', async () => false, 200],
    ['fails', () => Promise.reject(new Error('relation does not exist')), 503],
    [
      'is no promise but throws',
      () => {
        throw new Error('closed')
      },
      503,
    ],
  ])('given a query that %s when it is asked then readiness is %3$i', async (_what, query, status) => {
    expect(await entryOf(sql(query))).toMatchObject({ http: status })
  })
})

describe('redis, by any client', () => {
  const client = (send: () => Promise<unknown>): RedisClient => ({
    send,
    subscribe: () => ({ ready: Promise.resolve(), close() {} }),
  })

  test.each<[string, () => Promise<unknown>, number]>([
    ['PONG', async () => 'PONG', 200],
    ['something else', async () => 'LOADING', 503],
    ['nothing', async () => null, 503],
    ['an error', () => Promise.reject(new Error('NOAUTH Authentication required')), 503],
  ])(
    'given a server that answers %s when it is asked then readiness is %3$i',
    async (_what, send, status) => {
      expect(await entryOf(redis(client(send)))).toMatchObject({ http: status })
    },
  )
})

describe.skipIf(redisUrl() === undefined)('redis', () => {
  test('given Redis when it is asked then it is healthy', async () => {
    const client = new Redis(redisUrl() ?? '')
    closing.push(() => client.disconnect())
    expect(await entryOf(redis(fromIoredis(client)))).toMatchObject({ http: 200, status: 'healthy' })
  })
})

describe.skipIf(!canStartRedis())('a Redis of its own', () => {
  test('given Redis frozen when it is asked then that is told in time, it is asked once, and it is well when it thaws', async () => {
    const server = await startRedis()
    closing.push(() => server.stop())
    const client = new Redis(server.url)
    closing.push(() => client.disconnect())
    client.on('error', () => {})
    await client.ping()
    const inner = fromIoredis(client)
    const pings: Promise<unknown>[] = []
    const counting = {
      ...inner,
      send: (...call: Parameters<typeof inner.send>) => {
        const reply = inner.send(...call)
        pings.push(reply)
        return reply
      },
    }
    const { ask } = scene({ checks: [redis(counting, { timeout: 300, ttl: 0 })] })
    server.freeze()
    for (let i = 0; i < 5; i++) {
      const { status, body } = await ask('/ready')
      expect(status).toBe(503)
      expect(body.checks?.['redis']?.['error']).toBe('no answer within 300 ms')
    }
    expect(pings).toHaveLength(1)
    server.thaw()
    await pings[0]
    await turn()
    expect((await ask('/ready')).status).toBe(200)
  })

  test('given Redis gone when it is asked then it is unhealthy', async () => {
    const server = await startRedis()
    const client = new Redis(server.url, { maxRetriesPerRequest: 0, retryStrategy: () => null })
    closing.push(() => client.disconnect())
    client.on('error', () => {})
    await client.ping()
    const gone = once(client, 'end')
    await server.stop()
    await gone
    expect(await entryOf(redis(fromIoredis(client)))).toMatchObject({ http: 503, status: 'unhealthy' })
  })
})
