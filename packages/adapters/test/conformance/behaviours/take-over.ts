/** A middleware answers an upgrade itself, on its socket. */
import type { Duplex } from 'node:stream'
import { type Middleware, Reply } from '@palisade/core'
import { concurrencyLimit } from '@palisade/ratelimit'
import { expect } from 'vitest'
import { text } from '../answers.js'
import { type Behaviour, get, type Script } from '../behaviour.js'
import { type Answered, type Client, whole } from '../client/client.js'
import type { Connection } from '../client/connection.js'

const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket' }
const app: NonNullable<Behaviour['app']> = { webSockets: true, routes: [get('/', text('ok'))] }
const needs = ['upgrades'] satisfies Behaviour['needs']

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'

/** Sends back what came with the request and what comes afterwards. */
function echo(socket: Duplex, head: Uint8Array): void {
  socket.write(SWITCHING)
  socket.write(head)
  socket.pipe(socket)
}

const taking = (answer: (socket: Duplex, head: Uint8Array) => void = echo): Middleware => ({
  name: 'hub',
  onRequest: ctx => (ctx.isUpgrade ? Reply.takeOver(answer) : undefined),
})

async function open(client: Client): Promise<{ connection: Connection; answer: Answered }> {
  const connection = await client.connect()
  connection.send({ target: '/chat', headers: upgrade })
  const live = await connection.receive()
  const answer = { ...live, body: '', complete: true, closed: undefined }
  return { connection, answer }
}

/** Writes, hears it back, and leaves. */
const talks: Script = async (client, probe) => {
  const connection = await client.connect()
  connection.send({ target: '/chat', headers: upgrade })
  connection.write('first ')
  const live = await connection.receive()
  connection.write('second')
  const heard = await connection.read('first second'.length)
  probe.note(`heard ${heard}`)
  connection.leave()
  return [{ ...live, body: heard, complete: true, closed: undefined }]
}

/** Reads the body of an upgrade in all three ways. */
const readsBody: Middleware = {
  name: 'reader',
  async onRequest(ctx) {
    if (!ctx.isUpgrade) return undefined
    const { bytes, complete } = await ctx.peek(9)
    let parts = 0
    for await (const _ of ctx.body()) parts++
    const all = await ctx.bytes(9)
    return new Reply(200, {}, `${bytes.length} ${complete} ${parts} ${all.length}`)
  },
}

export const takenOver: readonly Behaviour[] = [
  {
    title:
      'given a middleware that takes an upgrade over when the client talks then it has the socket until it closes',
    edge: probe => probe.pipeline().use(probe.middleware('a')).use(taking()),
    app,
    when: talks,
    gets: { status: 101, headers: { Upgrade: 'echo' } },
    trace: ['a>', 'heard first second', '<a'],
    outcomes: [{ status: 101, aborted: false }],
    events: [['request:end', { path: '/chat', status: 101, aborted: false }]],
    needs,
  },
  {
    title:
      'given a middleware that waits and takes an upgrade over when the client talks then it has the socket',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a'))
        .use(
          probe.middleware('b', {
            onRequest: async ctx => (ctx.isUpgrade ? Reply.takeOver(echo) : undefined),
          }),
        ),
    app,
    when: talks,
    gets: { status: 101 },
    outcomes: [{ status: 101, aborted: false }],
    needs,
  },
  {
    title:
      'given a limit of one place when an upgrade is taken over then its place is free when the socket has closed',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a'))
        .use(concurrencyLimit({ limit: 1, key: () => 'all' }))
        .use(taking()),
    app,
    when: async (client, probe) => {
      const first = await open(client)
      const refused = await client.send({ target: '/' })
      first.connection.leave()
      await probe.settled()
      const second = await open(client)
      second.connection.leave()
      return [first.answer, refused, second.answer]
    },
    gets: [{ status: 101 }, { status: 429 }, { status: 101 }],
    needs,
  },
  {
    title:
      'given a function that fails when it takes an upgrade over then the client gets a 500 and the socket closes',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a'))
        .use(
          taking(() => {
            throw new Error('boom')
          }),
        ),
    app,
    when: async client => {
      const connection = await client.connect()
      connection.send({ target: '/chat', headers: upgrade })
      const live = await connection.receive()
      return [{ ...live, ...(await whole(live)), closed: await connection.ends() }]
    },
    gets: { status: 500, body: /INTERNAL_ERROR/, closed: true },
    outcomes: [{ status: 500, error: /boom/ }],
    logs: [/boom/],
    needs,
  },
  {
    title: 'given a function that fails later when it has begun then the socket closes',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a'))
        .use(
          taking(async socket => {
            socket.write(SWITCHING)
            await undefined
            throw new Error('boom')
          }),
        ),
    app,
    when: async client => {
      const { connection, answer } = await open(client)
      return [{ ...answer, closed: await connection.ends() }]
    },
    gets: { status: 101, closed: true },
    outcomes: [{ status: 101, error: /boom/ }],
    logs: [/boom/],
    needs,
  },
  {
    title:
      'given a middleware that takes over what is no upgrade when a request comes then it is a 500 that says so',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a'))
        .use({ name: 'hub', onRequest: () => Reply.takeOver(echo) }),
    when: {},
    gets: { status: 500 },
    trace: ['a>', '<a'],
    logs: [/middleware "hub" failed: .*no upgrade; ask ctx\.isUpgrade first/],
  },
  {
    title: 'given a host without sockets when an upgrade is taken over then it is refused with 501',
    edge: probe => probe.pipeline().use(probe.middleware('a')).use(taking()),
    when: { headers: { Upgrade: 'websocket' } },
    gets: { status: 501, body: /NOT_IMPLEMENTED/ },
    events: [['decision:refused', { by: 'hub', status: 501, reason: expect.stringContaining('no socket') }]],
    only: { hosts: ['fetch', 'hono-fetch'], because: 'the host has sockets' },
  },
  {
    title: 'given a middleware that reads the body of an upgrade when it comes then it is empty, at once',
    edge: probe => probe.pipeline().use(probe.middleware('a')).use(readsBody),
    app,
    when: async client => {
      const connection = await client.connect()
      connection.send({ target: '/chat', headers: upgrade })
      const live = await connection.receive()
      return [{ ...live, ...(await whole(live)), closed: await connection.ends() }]
    },
    gets: { status: 200, body: '0 true 0 0', closed: true },
    needs,
  },
  {
    title:
      'given a middleware that reads the body of an upgrade when there are no sockets then it is empty, at once',
    edge: probe => probe.pipeline().use(probe.middleware('a')).use(readsBody),
    when: { headers: { Upgrade: 'websocket' } },
    gets: { status: 200, body: '0 true 0 0' },
    only: { hosts: ['fetch', 'hono-fetch'], because: 'the host has sockets' },
  },
]
