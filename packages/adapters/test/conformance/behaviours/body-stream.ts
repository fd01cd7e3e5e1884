/** `ctx.body()`: the body as a stream, for a middleware that answers itself. */
import { type Pipeline, Reply } from '@palisade/core'
import { text } from '../answers.js'
import { type App, type Behaviour, get, post } from '../behaviour.js'
import { whole } from '../client/client.js'
import type { Probe } from '../probe.js'

const app: App = { routes: [post('/', text('handler')), get('/', text('ok'))] }

/** Sends every part of the body back as it comes. */
const echoes = (probe: Probe): Pipeline<object> =>
  probe.pipeline().use(
    probe.middleware('a', {
      onRequest: ctx => (ctx.method === 'GET' ? undefined : new Reply(200, {}, ctx.body())),
    }),
  )

/** Reads the first part, stops, and answers with it. */
const stops = (probe: Probe): Pipeline<object> =>
  probe.pipeline().use(
    probe.middleware('a', {
      async onRequest(ctx) {
        if (ctx.method === 'GET') return undefined
        for await (const part of ctx.body()) return new Reply(200, {}, part.subarray(0, 3))
        return new Reply(200, {}, 'nothing')
      },
    }),
  )

const large = 'x'.repeat(400_000)

export const bodyStream: readonly Behaviour[] = [
  {
    title:
      'given a middleware that streams the body when it comes with a length then it has exactly these bytes',
    edge: echoes,
    app,
    when: { method: 'POST', body: 'snow \u2603' },
    gets: { status: 200, body: 'snow \u2603' },
    trace: ['a>', '<a'],
    outcomes: [{ status: 200, aborted: false }],
  },
  {
    title: 'given a middleware that streams the body when it comes in chunks then it has exactly these bytes',
    edge: echoes,
    app,
    when: { method: 'POST', body: ['one ', 'two ', 'three'] },
    gets: { status: 200, body: 'one two three' },
  },
  {
    title: 'given a middleware that streams the body when there is none then the stream ends at once',
    edge: echoes,
    app,
    when: [{ method: 'POST' }, { method: 'POST', body: '' }, { method: 'POST', body: [] }],
    gets: [
      { status: 200, body: '' },
      { status: 200, body: '' },
      { status: 200, body: '' },
    ],
  },
  {
    title:
      'given a middleware that answers while it still reads the body when the body is large then all of it is sent back',
    edge: echoes,
    app,
    when: [
      { method: 'POST', body: large },
      { method: 'POST', body: [large, large] },
    ],
    gets: [
      { status: 200, body: large },
      { status: 200, body: large + large },
    ],
    outcomes: [
      { status: 200, aborted: false },
      { status: 200, aborted: false },
    ],
  },
  {
    title:
      'given a middleware that streamed the whole body when the client keeps the connection then it serves the next request',
    edge: echoes,
    app,
    when: async client => {
      const connection = await client.connect()
      connection.send({ method: 'POST', body: large, headers: { Connection: 'keep-alive' } })
      const first = await connection.receive()
      const echo = { ...first, ...(await whole(first)), closed: false }
      connection.send({ target: '/' })
      const second = await connection.receive()
      return [echo, { ...second, ...(await whole(second)), closed: await connection.ends() }]
    },
    gets: [
      { status: 200, body: large },
      { status: 200, body: 'ok' },
    ],
    needs: ['socket'],
  },
  {
    title:
      'given a reader that stops early when it answers then the client has the answer and the server lives on',
    edge: stops,
    app,
    when: [
      { method: 'POST', body: 'abcdef' },
      { method: 'POST', body: ['abcdef', large] },
      { method: 'POST', body: `abc${large}` },
      { method: 'POST', body: [] },
      { target: '/' },
    ],
    gets: [
      { status: 200, body: 'abc' },
      { status: 200, body: 'abc' },
      { status: 200, body: 'abc' },
      { status: 200, body: 'nothing' },
      { status: 200, body: 'ok' },
    ],
  },
  {
    title:
      'given a reader that stops early when the client never ends its body then the connection is closed',
    edge: stops,
    app,
    when: async client => {
      const connection = await client.connect()
      connection.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n')
      const live = await connection.receive()
      return [{ ...live, ...(await whole(live)), closed: await connection.ends() }]
    },
    gets: { status: 200, body: 'abc', closed: true },
    needs: ['socket'],
  },
  {
    title:
      'given a reader that stops after the head of the answer was sent when the client never ends its body then the connection is closed',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest(ctx) {
            const body = ctx.body()
            const first = async function* () {
              for await (const part of body) {
                yield part
                return
              }
            }
            return new Reply(200, {}, first())
          },
        }),
      ),
    app,
    when: async client => {
      const connection = await client.connect()
      connection.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n')
      const live = await connection.receive()
      return [{ ...live, ...(await whole(live)), closed: await connection.ends() }]
    },
    gets: { status: 200, body: 'abcdef', closed: true },
    outcomes: [{ status: 200, aborted: false }],
    needs: ['socket'],
  },
  {
    title:
      'given a body that was read in front when a middleware streams it then it is a 500 at once and the log says what to do',
    edge: echoes,
    app: { ...app, bodyReadInFront: true },
    when: { method: 'POST', body: 'hello', headers: { 'Content-Type': 'text/plain' } },
    gets: { status: 500, body: /"code":"INTERNAL_ERROR"/ },
    logs: [/the body was already read by something mounted earlier; mount Palisade in front/],
  },
  {
    title: 'given a body that one middleware streams when another wants it too then it is a 500',
    edge: probe =>
      probe
        .pipeline()
        .use(
          probe.middleware('a', {
            async onRequest(ctx) {
              for await (const _ of ctx.body());
            },
          }),
        )
        .use(probe.middleware('b', { onRequest: async ctx => new Reply(200, {}, await ctx.bytes(100)) })),
    app,
    when: { method: 'POST', body: 'hello' },
    gets: { status: 500 },
    logs: [/the body was already read/],
  },
  {
    title:
      'given a middleware that streams the body when the client leaves in the middle then its reader fails',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          async onRequest(ctx) {
            try {
              for await (const part of ctx.body()) {
                probe.note(String(part.length))
                probe.gate('first part').open()
              }
            } catch (error) {
              probe.note((error as Error).message)
              probe.note(`${ctx.signal.aborted} ${ctx.clientHasLeft}`)
              throw error
            }
          },
        }),
      ),
    app,
    when: async (client, probe) => {
      const connection = await client.connect()
      connection.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345')
      await probe.gate('first part').opened
      connection.leave()
      await probe.settled()
      return []
    },
    gets: [],
    outcomes: [{ status: undefined, aborted: true }],
    needs: ['socket'],
  },
  {
    title:
      'given a middleware that streams the body when the client sends nothing for too long then it is a 408',
    edge: probe =>
      probe.pipeline({ bodyTimeout: 20 }).use(
        probe.middleware('a', {
          async onRequest(ctx) {
            for await (const _ of ctx.body());
            return new Reply(200)
          },
        }),
      ),
    app,
    when: async client => {
      const connection = await client.connect()
      connection.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345')
      const live = await connection.receive()
      return [{ ...live, ...(await whole(live)), closed: await connection.ends() }]
    },
    gets: { status: 408, body: /"code":"REQUEST_TIMEOUT"/, closed: true },
    outcomes: [{ status: 408, aborted: false }],
    needs: ['socket'],
  },
]
