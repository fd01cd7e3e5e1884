import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import process from 'node:process'
import { connect as connectTls } from 'node:tls'
import { type EventBus, type EventName, type Logger, pipeline } from '@palisade/core'
import { fakeClock } from '@palisade/core/testing'
import { afterEach, expect, test, vi } from 'vitest'
import {
  type GracefulShutdown,
  type GracefulShutdownOptions,
  gracefulShutdown,
  lifecycle,
} from '../../src/index.js'
import { GET, rawClient } from '../support/raw-client.js'
import { deferred } from '../support/scene.js'

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const opened: { server: Server; shutdown: GracefulShutdown }[] = []

afterEach(() => {
  for (const { server, shutdown } of opened.splice(0)) {
    shutdown.dispose()
    server.closeAllConnections()
    server.close()
  }
})

async function start(
  listener: RequestListener,
  options: GracefulShutdownOptions = {},
  server: Server = createServer(listener),
) {
  const exits: number[] = []
  const events: (readonly [EventName, object])[] = []
  const edge = pipeline({ logger: quiet })
  edge.events.on('shutdown:*', (payload, name) => events.push([name, payload]))
  const shutdown = gracefulShutdown(server, {
    signals: [],
    delay: 0,
    logger: quiet,
    pipeline: edge,
    exit: code => exits.push(code),
    ...options,
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened.push({ server, shutdown })
  return { server, shutdown, exits, events, port: (server.address() as AddressInfo).port }
}

/** Answers when the test says so. */
function held() {
  const arrived = deferred<void>()
  const gate = deferred<void>()
  const listener: RequestListener = async (req, res) => {
    if (req.url === '/held') {
      arrived.resolve()
      await gate.promise
    }
    res.end('done')
  }
  return { listener, arrived: arrived.promise, release: () => gate.resolve() }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

/** Moves fake timers, and lets the sockets be looked at. */
const forward = async (ms: number) => {
  await vi.advanceTimersByTimeAsync(ms)
  for (let i = 0; i < 10; i++) await turn()
}

const openConnections = (server: Server) =>
  new Promise<number>(resolve => server.getConnections((_, count) => resolve(count)))

/** Resolves when the listener is closed. */
const untilClosing = async (shutdown: GracefulShutdown) => {
  while (shutdown.phase !== 'closing') await turn()
}

test('given nothing in flight when it starts then handlers run in reverse, the pipeline last, and the exit code is 0', async () => {
  const order: string[] = []
  const edge = pipeline({ logger: quiet }).use({
    name: 'telemetry',
    setup: () => {},
    dispose: () => void order.push('pipeline'),
  })
  edge.compile()
  const { shutdown, exits } = await start((_req, res) => res.end(), {
    pipeline: edge,
    handlers: [() => order.push('first'), { name: 'second', run: async () => void order.push('second') }],
  })
  shutdown.add(() => void order.push('third'))
  shutdown.add(() => void order.push('taken away'))()
  const result = await shutdown.start('test')
  expect(order).toEqual(['third', 'second', 'first', 'pipeline'])
  expect(exits).toEqual([0])
  expect(result).toMatchObject({ code: 0, reason: 'test', cut: 0, errors: [] })
})

test('given a request in flight when it starts then that is answered with Connection: close before any handler runs', async () => {
  const { listener, arrived, release } = held()
  const order: string[] = []
  const { shutdown, port, events } = await start(listener, { handlers: [() => order.push('handler')] })
  const client = await rawClient(port)
  client.send(GET('/held'))
  await arrived
  const ended = shutdown.start('test')
  await untilClosing(shutdown)
  expect(shutdown.inFlight).toBe(1)
  expect(order).toEqual([])
  release()
  await client.closed
  expect(client.received).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*done/)
  expect((await ended).code).toBe(0)
  expect(order).toEqual(['handler'])
  expect(events.map(([name]) => name)).toEqual(['shutdown:started', 'shutdown:drained'])
})

test('given the delay when requests come then they are served on, each with Connection: close, and readiness is off', async () => {
  const life = lifecycle()
  const { shutdown, port } = await start((_req, res) => res.end('served'), {
    delay: '1m',
    timeout: '2m',
    lifecycle: life,
  })
  const before = await rawClient(port)
  before.send(GET())
  await before.until(/served/)
  expect(before.received).toMatch(/Connection: keep-alive/)
  void shutdown.start('test')
  expect(life.draining).toBe(true)
  before.send(GET())
  await before.closed
  const after = await rawClient(port)
  after.send(GET())
  await after.closed
  expect(after.received).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*served/)
})

test('given a used connection when a request comes after the listener closed then it is 503, says when to come again, and is not processed', async () => {
  const { listener, arrived, release } = held()
  const urls: (string | undefined)[] = []
  const { shutdown, port } = await start(
    (req, res) => {
      urls.push(req.url)
      listener(req, res)
    },
    { linger: '10s', retryAfter: '7s' },
  )
  const holding = await rawClient(port)
  holding.send(GET('/held'))
  await arrived
  const late = await rawClient(port)
  late.send(GET('/early'))
  await late.until(/done/)
  const ended = shutdown.start('test')
  await untilClosing(shutdown)
  late.send(GET('/late'))
  await late.closed
  expect(late.received).toMatch(
    /HTTP\/1\.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 7\r\n/,
  )
  expect(late.received).toMatch(/"code":"SERVICE_UNAVAILABLE"/)
  release()
  await ended
  expect(urls).toEqual(['/held', '/early'])
})

test('given a late request with a body when it is refused then the body is read, so that the answer arrives', async () => {
  const { listener, arrived, release } = held()
  const { shutdown, port } = await start(listener, { linger: '10s' })
  const holding = await rawClient(port)
  holding.send(GET('/held'))
  await arrived
  const late = await rawClient(port)
  late.send(GET())
  await late.until(/done/)
  const ended = shutdown.start('test')
  await untilClosing(shutdown)
  late.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\nx')
  while (shutdown.inFlight < 2) await turn()
  for (let i = 0; i < 5; i++) await turn()
  expect(late.received).not.toMatch(/503/)
  late.send('x'.repeat(899_999))
  await late.closed
  expect(late.received).toMatch(/503 Service Unavailable[\s\S]*shutting down/)
  expect(late.errors).toEqual([])
  release()
  await ended
})

test('given a connection that was accepted and never used when its first request comes after the listener closed then it is served', async () => {
  const { listener, arrived, release } = held()
  const { shutdown, port } = await start(listener, { linger: '10s' })
  const fresh = await rawClient(port)
  const holding = await rawClient(port)
  holding.send(GET('/held'))
  await arrived
  const ended = shutdown.start('test')
  await untilClosing(shutdown)
  fresh.send(GET('/first'))
  await fresh.closed
  expect(fresh.received).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n[\s\S]*done/)
  release()
  await ended
})

test('given a request that arrives slowly when its connection would be idle then it is not closed before the answer', async () => {
  const { shutdown, port } = await start((_req, res) => res.end('whole'), { linger: 30 })
  const slow = await rawClient(port)
  const idle = await rawClient(port)
  slow.send('GET / HTTP/1.1\r\nHost')
  const ended = shutdown.start('test')
  // The idle one is closed by the linger; the other has begun to speak.
  await idle.closed
  slow.send(': x\r\n\r\n')
  await slow.closed
  expect(slow.received).toMatch(/200 OK[\s\S]*whole/)
  expect((await ended).code).toBe(0)
})

test.each([
  ['a head that stalls', ''],
  ['a head that stalls behind an answered request', GET()],
])(
  'given %s when the listener is closed then it has the time that the server gives heads, and nothing was cut',
  async (_, before) => {
    const server = createServer({ headersTimeout: 50 }, (_req, res) => res.end('done'))
    const { shutdown, port, events } = await start(() => {}, { linger: 10 }, server)
    const stalled = await rawClient(port)
    stalled.send(before)
    if (before !== '') await stalled.until(/done/)
    stalled.send('G')
    while ((await openConnections(server)) === 0) await turn()
    const ended = shutdown.start('test')
    await stalled.closed
    expect(await ended).toMatchObject({ code: 0, cut: 0 })
    expect(events.map(([name]) => name)).toEqual(['shutdown:started', 'shutdown:drained'])
  },
)

test('given nothing was said when heads are slow then they have three seconds from the end of the listener and the linger, and one that is whole by then is served', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const { shutdown, port } = await start((_req, res) => res.end('served'))
    const [slow, stalled] = [await rawClient(port), await rawClient(port)]
    for (const client of [slow, stalled]) client.send('GET / HTTP/1.1\r\nHost')
    const ended = shutdown.start('test')
    while (shutdown.phase !== 'closing') await forward(10)
    await forward(3000)
    expect([slow.socket.readyState, stalled.socket.readyState]).toEqual(['open', 'open'])
    slow.send(': x\r\n\r\n')
    await slow.closed
    expect(slow.received).toMatch(/200 OK[\s\S]*served/)
    await forward(300)
    await stalled.closed
    expect(stalled.received).toBe('')
    expect(await ended).toMatchObject({ code: 0, cut: 0 })
  } finally {
    vi.useRealTimers()
  }
})

test('given a head that is still arriving when the time for requests is up then it is closed before the handlers run, and nothing is forced', async () => {
  let wasClosed: boolean | undefined
  const { shutdown, port, exits, events } = await start((_req, res) => res.end(), {
    timeout: 200,
    handlers: [
      async () => {
        await stalled.closed
        wasClosed = true
      },
    ],
  })
  const stalled = await rawClient(port)
  stalled.send('GET / HTTP/1.1\r\nHo')
  expect(await shutdown.start('test')).toMatchObject({ code: 0, cut: 0, errors: [] })
  expect(wasClosed).toBe(true)
  expect(exits).toEqual([0])
  expect(events.map(([name]) => name)).toEqual(['shutdown:started', 'shutdown:drained'])
})

test('given pipelined requests in flight when it starts then all are answered, and only the last ends the connection', async () => {
  const gate = deferred<void>()
  let count = 0
  const all = deferred<void>()
  const { shutdown, port } = await start(async (req, res) => {
    if (++count === 3) all.resolve()
    await gate.promise
    res.end(`answer to ${req.url}`)
  })
  const client = await rawClient(port)
  client.send(GET('/1') + GET('/2') + GET('/3'))
  await all.promise
  const ended = shutdown.start('test')
  await untilClosing(shutdown)
  gate.resolve()
  await client.closed
  expect(client.received.match(/answer to \/\d/g)).toEqual(['answer to /1', 'answer to /2', 'answer to /3'])
  expect(client.received.match(/Connection: close/g)).toHaveLength(1)
  expect((await ended).cut).toBe(0)
})

test('given a request in flight when another is pipelined behind it while it drains then both are answered', async () => {
  const gate = deferred<void>()
  const seen = deferred<void>()
  const { shutdown, port } = await start(
    async (req, res) => {
      if (req.url === '/2') seen.resolve()
      await gate.promise
      res.end(`answer to ${req.url}`)
    },
    { delay: '1m', timeout: '2m' },
  )
  const client = await rawClient(port)
  client.send(GET('/1'))
  while (shutdown.inFlight === 0) await turn()
  void shutdown.start('test')
  client.send(GET('/2'))
  await seen.promise
  gate.resolve()
  await client.closed
  expect(client.received.match(/answer to \/\d/g)).toEqual(['answer to /1', 'answer to /2'])
  expect(client.received.match(/Connection: close/g)).toHaveLength(1)
})

test('given a busy process with a backlog when it starts then every connection in the backlog is accepted and served', async () => {
  let isBusy = true
  const keepBusy = () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 25)
    if (isBusy) setImmediate(keepBusy)
  }
  const { shutdown, port } = await start((_req, res) => res.end('served'))
  keepBusy()
  const answers = Array.from({ length: 12 }, async () => {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8')
    let received = ''
    socket.on('data', (chunk: string) => {
      received += chunk
    })
    socket.on('error', (error: Error) => {
      received += error.message
    })
    socket.write(GET())
    await once(socket, 'close')
    return received
  })
  await turn()
  const ended = shutdown.start('test')
  for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*served$/)
  isBusy = false
  expect((await ended).code).toBe(0)
})

test('given a client that leaves in the middle when it drains then nobody waits for it', async () => {
  const { listener, arrived } = held()
  const { shutdown, port } = await start(listener)
  const client = await rawClient(port)
  client.send(GET('/held'))
  await arrived
  const ended = shutdown.start('test')
  await untilClosing(shutdown)
  client.socket.destroy()
  expect((await ended).code).toBe(0)
  expect(shutdown.inFlight).toBe(0)
})

test('given a request that never ends when its time is up then it is cut, the handlers still run, and the exit code is 1', async () => {
  const { listener, arrived } = held()
  const order: string[] = []
  const { shutdown, port, exits, events } = await start(listener, {
    timeout: 300,
    handlers: [() => void order.push('flushed')],
  })
  const client = await rawClient(port)
  client.send(GET('/held'))
  await arrived
  const result = await shutdown.start('test')
  await client.closed
  expect(result).toMatchObject({ code: 1, cut: 1 })
  expect(order).toEqual(['flushed'])
  expect(exits).toEqual([1])
  expect(events).toEqual([
    ['shutdown:started', { signal: 'test' }],
    ['shutdown:forced', { open: 1 }],
  ])
})

test('given handlers that throw, reject and hang when they run then the others run all the same, and each is told', async () => {
  const order: string[] = []
  const signals: boolean[] = []
  const { shutdown, exits } = await start((_req, res) => res.end(), {
    handlerTimeout: 30,
    handlers: [
      () => void order.push('last'),
      () => {
        throw new Error('thrown')
      },
      async () => {
        throw new Error('rejected')
      },
      {
        name: 'hanging',
        run: signal =>
          new Promise(() => {
            signal.addEventListener('abort', () => signals.push(signal.aborted))
          }),
      },
    ],
  })
  const { errors, code } = await shutdown.start('test')
  expect(order).toEqual(['last'])
  expect(errors.map(error => (error.cause as Error | undefined)?.message ?? error.message)).toEqual([
    'the shutdown handler "hanging" took more than 30 ms',
    'rejected',
    'thrown',
  ])
  expect(signals).toEqual([true])
  expect(code).toBe(1)
  expect(exits).toEqual([1])
})

test('given a handler that outlasts everything when the whole time is up then it is forced, and no further handler runs', async () => {
  const order: string[] = []
  const { shutdown, exits } = await start((_req, res) => res.end(), {
    timeout: 100,
    linger: 0,
    handlerTimeout: '1m',
    handlers: [() => void order.push('never'), () => new Promise(() => {})],
  })
  expect((await shutdown.start('test')).code).toBe(1)
  expect(exits).toEqual([1])
  expect(order).toEqual([])
})

test('given an upgrade when the listener is closed then it is 503, and one that was made before is ended last', async () => {
  const { listener, arrived, release } = held()
  const { shutdown, port, server } = await start(listener, { linger: '10s' })
  const upgraded: string[] = []
  server.on('upgrade', (req, socket) => {
    upgraded.push(req.url ?? '')
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  })
  const upgrade = (path: string) => GET(path, 'Connection: Upgrade\r\nUpgrade: echo\r\n')
  const holding = await rawClient(port)
  holding.send(GET('/held'))
  await arrived
  const early = await rawClient(port)
  early.send(upgrade('/early'))
  await early.until(/101 Switching/)
  const late = await rawClient(port)
  const ended = shutdown.start('test')
  await untilClosing(shutdown)
  late.send(upgrade('/late'))
  await late.closed
  expect(late.received).toMatch(
    /^HTTP\/1\.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n/,
  )
  expect(late.received).toMatch(/\r\nCache-Control: no-store\r\n/)
  expect(early.socket.destroyed).toBe(false)
  release()
  expect((await ended).code).toBe(0)
  await early.closed
  expect(upgraded).toEqual(['/early'])
})

test('given a body that is announced when nobody else listens for that then requests are counted once', async () => {
  const gate = deferred<void>()
  const arrived = deferred<void>()
  const { shutdown, port, server } = await start(async (_req, res) => {
    arrived.resolve()
    await gate.promise
    res.end('stored')
  })
  server.on('checkContinue', (req, res) => {
    res.writeContinue()
    server.emit('request', req, res)
  })
  const client = await rawClient(port)
  client.send('POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n')
  await client.until(/100 Continue/)
  client.send('x')
  await arrived.promise
  expect(shutdown.inFlight).toBe(1)
  const ended = shutdown.start('test')
  gate.resolve()
  await client.until(/stored/)
  expect((await ended).code).toBe(0)
  expect(shutdown.inFlight).toBe(0)
})

test('given several servers when it starts then all of them are closed', async () => {
  const one = createServer((_req, res) => res.end()).listen(0, '127.0.0.1')
  const two = createServer((_req, res) => res.end()).listen(0, '127.0.0.1')
  await Promise.all([once(one, 'listening'), once(two, 'listening')])
  const shutdown = gracefulShutdown([one, two], { signals: [], delay: 0, logger: quiet, exit: () => {} })
  await shutdown.start()
  expect([one.listening, two.listening]).toEqual([false, false])
})

test('given an encrypted server when it starts then requests in flight are answered and idle connections end', async () => {
  const { listener, arrived, release } = held()
  const psk = Buffer.from('a key that both sides have')
  // A shared key, so that no certificate has to be made.
  const secure = createSecureServer({ ciphers: 'PSK', pskCallback: () => psk }, listener)
  const { shutdown, port } = await start(listener, {}, secure as Server)
  const dial = () =>
    connectTls({
      port,
      host: '127.0.0.1',
      ciphers: 'PSK',
      pskCallback: () => ({ psk, identity: 'test' }),
      checkServerIdentity: () => undefined,
    })
  const client = dial()
  const idle = dial()
  await Promise.all([once(client, 'secureConnect'), once(idle, 'secureConnect')])
  const idleClosed = once(idle.resume(), 'close')
  let received = ''
  client.setEncoding('utf8').on('data', (chunk: string) => {
    received += chunk
  })
  const closed = once(client, 'close')
  client.write(GET('/held'))
  await arrived
  const ended = shutdown.start('test')
  await idleClosed
  release()
  await closed
  expect(received).toMatch(/200 OK[\s\S]*Connection: close[\s\S]*done/)
  expect((await ended).code).toBe(0)
})

test('given a signal when it comes again within a second then that is a duplicate, and later it forces with 128 + n', async () => {
  const { listener, arrived } = held()
  const clock = fakeClock()
  const before = process.listenerCount('SIGUSR2')
  const { shutdown, port, exits } = await start(listener, { signals: ['SIGUSR2'], clock })
  const client = await rawClient(port)
  client.send(GET('/held'))
  await arrived
  process.emit('SIGUSR2', 'SIGUSR2')
  clock.advance(999)
  process.emit('SIGUSR2', 'SIGUSR2')
  expect(exits).toEqual([])
  expect(shutdown.phase).toBe('draining')
  clock.advance(1)
  process.emit('SIGUSR2', 'SIGUSR2')
  expect(exits).toEqual([128 + 12])
  await client.closed
  expect((await shutdown.start()).code).toBe(140)
  expect(process.listenerCount('SIGUSR2')).toBe(before)
})

test('given it has begun when it is started again then that is the same end, for the first reason', async () => {
  const { shutdown, exits } = await start((_req, res) => res.end())
  expect(shutdown.phase).toBe('serving')
  const [first, second] = [shutdown.start('one'), shutdown.start('two')]
  expect(second).toBe(first)
  expect(await first).toMatchObject({ reason: 'one' })
  expect(shutdown.phase).toBe('ended')
  expect(await shutdown.start('three')).toBe(await first)
  expect(exits).toEqual([0])
})

test('given a logger that throws and rejects when it starts then it ends as ever', async () => {
  const order: string[] = []
  const broken = () => {
    throw new Error('the worker of the log has gone')
  }
  const rejecting = (() => Promise.reject(new Error('no disk'))) as Logger['info']
  const { listener, arrived } = held()
  const { shutdown, port, exits, events } = await start(listener, {
    timeout: 300,
    logger: { debug: broken, info: rejecting, warn: broken, error: broken },
    handlers: [() => void order.push('last'), () => Promise.reject(new Error('not saved'))],
  })
  const client = await rawClient(port)
  client.send(GET('/held'))
  await arrived
  const { code, cut, errors } = await shutdown.start('test')
  expect({ code, cut, errors: errors.length }).toEqual({ code: 1, cut: 1, errors: 1 })
  expect(order).toEqual(['last'])
  expect(exits).toEqual([1])
  expect(events.map(([name]) => name)).toEqual(['shutdown:started', 'shutdown:forced'])
})

test("given a lifecycle and a bus of the team's own that throw when it starts then it ends as ever, and both are told", async () => {
  const told: unknown[] = []
  const broken = () => {
    throw new Error('broken')
  }
  const { shutdown, exits } = await start((_req, res) => res.end(), {
    lifecycle: { draining: false, signal: new AbortController().signal, drain: broken },
    pipeline: { events: { emit: broken, has: () => true } as unknown as EventBus, dispose: async () => {} },
    logger: { ...quiet, error: (fields, message) => told.push([message, fields]) },
  })
  expect(await shutdown.start('test')).toMatchObject({ code: 0, errors: [] })
  expect(exits).toEqual([0])
  expect(told).toMatchObject([
    ['the lifecycle failed', { err: { message: 'broken' } }],
    ['an event of the shutdown could not be told', { event: 'shutdown:started' }],
    ['an event of the shutdown could not be told', { event: 'shutdown:drained' }],
  ])
})

test('given a pipeline that fails to dispose when it ends then that is told as the failure of a handler', async () => {
  const edge = pipeline({ logger: quiet }).use({
    name: 'telemetry',
    setup: () => {},
    dispose: () => Promise.reject(new Error('not flushed')),
  })
  edge.compile()
  const { shutdown, exits } = await start((_req, res) => res.end(), { pipeline: edge })
  const { errors, code } = await shutdown.start('test')
  expect(errors.map(error => [error.message, (error.cause as Error).message])).toEqual([
    ['the shutdown handler "pipeline" failed', 'not flushed'],
  ])
  expect([code, exits]).toEqual([1, [1]])
})

test('given an answer that streams when it starts then it is waited for to its last byte', async () => {
  const arrived = deferred<void>()
  const gate = deferred<void>()
  const { shutdown, port } = await start(async (_req, res) => {
    res.write('first ')
    arrived.resolve()
    await gate.promise
    res.end('last')
  })
  const client = await rawClient(port)
  client.send(GET())
  await client.until(/first/)
  await arrived.promise
  const ended = shutdown.start('test')
  await untilClosing(shutdown)
  gate.resolve()
  await client.closed
  expect(client.received).toMatch(/first [\s\S]*last/)
  expect(await ended).toMatchObject({ code: 0, cut: 0 })
})

test('given a start by hand when a signal follows then that is the first one', async () => {
  const { listener, arrived } = held()
  const { shutdown, port, exits } = await start(listener, { signals: ['SIGUSR2'], timeout: '1m' })
  const client = await rawClient(port)
  client.send(GET('/held'))
  await arrived
  void shutdown.start('an admin')
  process.emit('SIGUSR2', 'SIGUSR2')
  expect(exits).toEqual([])
})

test('given disposal when it happens then the server is as it was', async () => {
  const bare = createServer((_req, res) => res.end('served'))
  const { emit } = bare
  const listeners = bare.listenerCount('connection')
  const { shutdown, server, port } = await start(() => {}, { signals: ['SIGUSR2'] }, bare)
  expect(server.emit).not.toBe(emit)
  shutdown.dispose()
  expect(process.listenerCount('SIGUSR2')).toBe(0)
  expect(server.emit).toBe(emit)
  expect(server.listenerCount('connection')).toBe(listeners)
  const client = await rawClient(port)
  client.send(GET())
  expect(await client.until(/served/)).toMatch(/keep-alive/)
  client.socket.destroy()
})

/** One thing that fails at every call, and what of a shutdown it is. */
const FAULTS: Record<string, (server: Server, options: GracefulShutdownOptions) => void> = {
  'a logger that throws': (_server, options) => {
    const fail = () => {
      throw new Error('no log')
    }
    options.logger = { debug: fail, info: fail, warn: fail, error: fail }
  },
  'a lifecycle that throws': (_server, options) => {
    options.lifecycle = {
      ...lifecycle(),
      drain() {
        throw new Error('no drain')
      },
    } as never
  },
  'a bus that throws': (_server, options) => {
    const events = {
      has: () => true,
      emit() {
        throw new Error('no event')
      },
    }
    options.pipeline = { events, dispose: async () => {} } as never
  },
  'a pipeline whose dispose throws': (_server, options) => {
    options.pipeline = {
      events: pipeline().events,
      dispose() {
        throw new Error('no dispose')
      },
    }
  },
  'a handler that throws nothing': (_server, options) => {
    options.handlers = [
      () => {
        throw undefined
      },
    ]
  },
  'a handler with a then that throws': (_server, options) => {
    options.handlers = [
      () =>
        ({
          get then() {
            throw new Error('no then')
          },
        }) as never,
    ]
  },
  'a server whose properties throw': server => {
    for (const name of ['headersTimeout', 'closeAllConnections', 'closeIdleConnections', '_handle'])
      Object.defineProperty(server, name, {
        configurable: true,
        get() {
          throw new Error(`no ${name}`)
        },
      })
  },
  'a clock that throws': (_server, options) => {
    let calls = 0
    options.clock = {
      now: Date.now,
      monotonic() {
        if (calls++ > 0) throw new Error('no time')
        return 0
      },
    }
  },
  'an exit that throws': (_server, options) => {
    const { exit } = options
    options.exit = code => {
      exit?.(code)
      throw new Error('no exit')
    }
  },
}

test.each(
  Object.keys(FAULTS).flatMap(
    name =>
      [
        [name, 0],
        [name, 10],
      ] as const,
  ),
)(
  'given %s and a delay of %i ms when it starts then it ends, exits once, and rejects nothing',
  async (name, delay) => {
    const rejections: unknown[] = []
    const onRejection = (reason: unknown) => void rejections.push(reason)
    process.on('unhandledRejection', onRejection)
    const exits: number[] = []
    const { exitCode } = process
    const server = createServer((_req, res) => res.end())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const options: GracefulShutdownOptions = {
      signals: [],
      delay,
      timeout: 1000,
      logger: quiet,
      exit: code => void exits.push(code),
    }
    FAULTS[name]?.(server, options)
    try {
      const { code } = await gracefulShutdown(server, options).start()
      await turn()
      expect(exits).toEqual([code])
      expect(rejections).toEqual([])
    } finally {
      process.off('unhandledRejection', onRejection)
      process.exitCode = exitCode
      for (const broken of ['headersTimeout', 'closeAllConnections', 'closeIdleConnections', '_handle'])
        Reflect.deleteProperty(server, broken)
      server.close()
    }
  },
)
