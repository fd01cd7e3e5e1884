import { once } from 'node:events'
import { Reply } from '@palisade/core'
import { WebSocket } from 'ws'
import { text } from '../answers.js'
import { type Behaviour, get, type Script } from '../behaviour.js'
import { whole } from '../client/client.js'

const socketApp: NonNullable<Behaviour['app']> = { webSockets: true, routes: [get('/', text('ok'))] }

const upgrade = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

/** Says hello, hears it back, says goodbye. */
const talks: Script = async (client, probe) => {
  const socket = new WebSocket(`ws://127.0.0.1:${client.port}/chat?room=1`)
  await once(socket, 'open')
  socket.send('hello')
  const [data] = (await once(socket, 'message')) as [Buffer]
  probe.note(`heard ${String(data)}`)
  socket.close()
  await once(socket, 'close')
  return []
}

const asks: Script = async client => {
  const connection = await client.connect()
  connection.send({ target: '/chat', headers: upgrade })
  const live = await connection.receive()
  const answer = { ...live, ...(await whole(live)), closed: await connection.ends() }
  return [answer, await client.send({ target: '/' })]
}

const refuses =
  (later: boolean): NonNullable<Behaviour['edge']> =>
  probe =>
    probe
      .pipeline()
      .use(probe.sets({ 'X-Early': 'yes' }))
      .use(
        probe.middleware('b', {
          onRequest(ctx) {
            if (ctx.header('upgrade') === undefined) return undefined
            const refusal = ctx.deny({ status: 401, code: 'UNAUTHORIZED', message: 'who are you?' })
            return later ? Promise.resolve(refusal) : refusal
          },
        }),
      )

const needs = ['upgrades'] satisfies Behaviour['needs']

export const upgrades: readonly Behaviour[] = [
  {
    title:
      'given WebSockets behind the edge when an upgrade passes then the socket is opened, and its outcome is 101 when it closes',
    app: socketApp,
    when: talks,
    gets: [],
    trace: ['a>', 'heard hello', '<a'],
    outcomes: [{ status: 101, aborted: false }],
    needs,
  },
  {
    title:
      'given WebSockets behind the edge when a middleware waits and lets the upgrade through then the socket is opened',
    edge: probe => probe.pipeline().use(probe.middleware('a', { onRequest: async () => undefined })),
    app: socketApp,
    when: talks,
    gets: [],
    trace: ['a>', 'heard hello', '<a'],
    needs,
  },
  ...[false, true].map(
    (later): Behaviour => ({
      title: `given WebSockets behind the edge when a middleware refuses the upgrade ${later ? 'later' : 'at once'} then it is answered in HTTP and the socket is closed`,
      edge: refuses(later),
      app: socketApp,
      when: asks,
      gets: [
        {
          status: 401,
          headers: {
            'X-Early': 'yes',
            'Content-Type': 'application/json; charset=utf-8',
            Connection: 'close',
          },
          body: /"code":"UNAUTHORIZED"/,
          closed: true,
        },
        { status: 200, body: 'ok' },
      ],
      outcomes: [{ status: 401, aborted: false }, { status: 200 }],
      needs,
    }),
  ),
  {
    title:
      'given WebSockets behind the edge when a middleware fails on an upgrade then the socket is not opened',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest(ctx) {
            if (ctx.header('upgrade') !== undefined) throw new Error('boom')
          },
        }),
      ),
    app: socketApp,
    when: asks,
    gets: [{ status: 500, closed: true }, { status: 200 }],
    outcomes: [{ status: 500, error: /boom/ }, { status: 200 }],
    logs: [/boom/],
    needs,
  },
  {
    title: 'given an upgrade that is refused with a stream when it ends then the socket is closed',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest: ctx =>
            ctx.header('upgrade') === undefined
              ? undefined
              : new Reply(
                  503,
                  {},
                  (async function* () {
                    yield 'down'
                  })(),
                ),
        }),
      ),
    app: socketApp,
    when: asks,
    gets: [{ status: 503, body: 'down', closed: true }, { status: 200 }],
    needs,
  },
  {
    title:
      'given WebSockets behind the edge when they refuse an upgrade that passed then the outcome has their status',
    app: socketApp,
    when: async client => {
      const connection = await client.connect()
      connection.send({ target: '/chat', headers: { ...upgrade, 'Sec-WebSocket-Key': 'bad' } })
      const live = await connection.receive()
      return [{ ...live, ...(await whole(live)), closed: await connection.ends() }]
    },
    gets: { status: 400, closed: true },
    outcomes: [{ status: 400, aborted: false }],
    needs,
  },
  {
    title: 'given an upgrade that waits for a middleware when the client leaves then the server lives on',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          async onRequest(ctx) {
            if (ctx.header('upgrade') !== undefined) await probe.gate('go').opened
          },
        }),
      ),
    app: socketApp,
    when: async (client, probe) => {
      const connection = await client.connect()
      connection.send({ target: '/chat', headers: upgrade })
      await probe.reached
      connection.leave()
      await probe.settled()
      probe.gate('go').open()
      return [await client.send({ target: '/' })]
    },
    gets: { status: 200, body: 'ok' },
    outcomes: [{ status: undefined, aborted: true }, { status: 200 }],
    needs,
  },
]
