import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2, type Http2Server } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import process from 'node:process'
import { pipeline } from '@palisade/core'
import { concurrencyLimit } from '@palisade/ratelimit'
import { afterEach, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { http2Hosts, type Mounted, nodeHosts } from './node-hosts.js'

const CONNECTIONS = Number(process.env['FUZZ_CONNECTIONS'] ?? 1000)
const AT_ONCE = 50
/** Another one is tried with `FUZZ_SEED`. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_130)

const open: { close(): unknown }[] = []

afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

/** The same numbers for the same seed (mulberry32). */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

/** Counts starts and ends, and what is in flight by a limit that leaks if an end is lost. */
function counting() {
  const count = { starts: 0, ends: 0, reached: 0, responses: 0 }
  const errors: string[] = []
  const note = (fields: object, message = '') =>
    void errors.push(`${message}: ${String((fields as { err?: unknown }).err)}`)
  const edge = pipeline({ logger: { debug() {}, info() {}, warn: note, error: note } })
    .use({
      name: 'counts',
      onRequest: () => void count.reached++,
      onResponse: () => void count.responses++,
    })
    .use(concurrencyLimit({ limit: AT_ONCE * 8, key: () => 'all' }))
    .use({
      name: 'varies',
      onRequest(ctx) {
        if (ctx.path === '/refused') return ctx.deny({ status: 403, code: 'NO', message: 'no' })
        if (ctx.path === '/read') return ctx.bytes(100).then(() => undefined)
        if (ctx.path === '/slow')
          return new Promise<undefined>(resolve => setImmediate(() => resolve(undefined)))
        return undefined
      },
    })
  edge.events.on('request:start', () => void count.starts++)
  edge.events.on('request:end', () => void count.ends++)
  return { edge, count, errors }
}

const PATHS = ['/', '/refused', '/read', '/slow']
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

/**
 * A client of HTTP/1.1 that sends something, or a part of it, and leaves in some way at some time.
 */
async function leavesHttp1(port: number, random: (below: number) => number): Promise<void> {
  const path = PATHS[random(PATHS.length)] as string
  const requests = [
    `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`,
    `HEAD ${path} HTTP/1.1\r\nHost: a\r\n\r\n`,
    `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n${'x'.repeat(50)}`,
    `POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(1 + random(4)),
    `GET ${path} HTTP/1.1\r\nHost: a\r\n${UPGRADE}\r\n`,
  ]
  const text = requests[random(requests.length)] as string
  const part = random(3) === 0 ? text.slice(0, random(text.length)) : text
  const [when, how, turns] = [random(4), random(3), random(6)]
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  client.on('error', () => {})
  const closed = new Promise<void>(resolve => client.once('close', () => resolve()))
  await once(client, 'connect')
  if (part !== '') client.write(part)
  if (when === 0) await answered(client, closed)
  else for (let i = 0; i < turns; i++) await new Promise(resolve => setImmediate(resolve))
  if (how === 0) client.resetAndDestroy()
  else if (how === 1) client.destroy()
  else {
    client.end()
    await answered(client, closed)
    client.destroy()
  }
  await closed
}

/** Until the server has said something, or cannot be expected to. */
function answered(client: ReturnType<typeof connect>, closed: Promise<void>): Promise<unknown> {
  const turns = async () => {
    for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
  }
  return Promise.race([once(client, 'data').catch(() => {}), closed, turns()])
}

/**
 * A client of HTTP/2 with some streams, each of which is cancelled or not, until its connection
 * breaks or is closed.
 */
async function leavesHttp2(port: number, random: (below: number) => number): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  const closed = new Promise<void>(resolve => session.once('close', () => resolve()))
  const streams = Array.from({ length: 1 + random(3) }, () => {
    const method = ['GET', 'HEAD', 'POST'][random(3)] as string
    const path = PATHS[random(PATHS.length)] as string
    const stream = session.request({ ':method': method, ':path': path }, { endStream: method !== 'POST' })
    stream.on('error', () => {}).resume()
    if (method === 'POST') {
      stream.write('hello')
      if (random(2) === 0) stream.end()
    }
    return stream
  })
  await once(session, 'connect').catch(() => {})
  for (const stream of streams) {
    for (let i = random(6); i > 0; i--) await new Promise(resolve => setImmediate(resolve))
    // With 0, Node on its own would keep a stream whose answer was not flushed, and its connection.
    if (random(2) === 0) stream.close([0, 2, 8][random(3)])
  }
  if (random(3) === 0) for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
  session.destroy()
  await closed
}

/** All of them, some at once. */
async function storm(client: (random: (below: number) => number) => Promise<void>): Promise<void> {
  let next = 0
  const one = async () => {
    while (next < CONNECTIONS) await client(randomOf(SEED + next++))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
}

const connectionsOf = (server: Server | Http2Server) =>
  new Promise<number>(resolve => server.getConnections((_error, count) => resolve(count)))

async function settles(
  server: Server | Http2Server,
  count: ReturnType<typeof counting>['count'],
): Promise<void> {
  while ((await connectionsOf(server)) > 0 || count.ends < count.starts)
    await new Promise(resolve => setImmediate(resolve))
}

async function fuzz(mounted: Mounted, isHttp2: boolean, counted: ReturnType<typeof counting>): Promise<void> {
  const rejections: unknown[] = []
  const onRejection = (reason: unknown) => void rejections.push(reason)
  process.on('unhandledRejection', onRejection)
  const server = isHttp2 ? createHttp2(mounted.listener as never) : createServer(mounted.listener)
  if (isHttp2) server.on('sessionError', () => {})
  else {
    new WebSocketServer({ server: server as Server }).on('connection', socket => socket.on('error', () => {}))
    mounted.edge.handleUpgrade(server as Server)
  }
  open.push({
    close() {
      server.close()
      return mounted.close()
    },
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await storm(random => (isHttp2 ? leavesHttp2(port, random) : leavesHttp1(port, random)))
  await settles(server, counted.count)
  process.off('unhandledRejection', onRejection)
  const { starts, ends, reached, responses } = counted.count
  expect(starts).toBeGreaterThan(CONNECTIONS / 4)
  expect([ends, responses]).toEqual([starts, reached])
  expect(await connectionsOf(server)).toBe(0)
  expect(rejections).toEqual([])
  expect(counted.errors).toEqual([])
}

test.each(nodeHosts)(
  'given clients of HTTP/1.1 that leave at random when all have left then each request of $name has ended once',
  { timeout: 30_000 },
  async host => {
    const counted = counting()
    await fuzz(await host.mount(counted.edge), false, counted)
  },
)

test.each(http2Hosts)(
  'given clients of HTTP/2 that leave at random when all have left then each request of $name has ended once',
  { timeout: 30_000 },
  async host => {
    const counted = counting()
    await fuzz(await host.mount(counted.edge), true, counted)
  },
)
