/** `ctx.peek()`: the beginning of the body, which the handler still reads. */
import { type Pipeline, Reply } from '@palisade/core'
import { json, text } from '../answers.js'
import { type App, type Behaviour, get, post } from '../behaviour.js'
import { whole } from '../client/client.js'
import type { Probe } from '../probe.js'

const app: App = {
  parsers: true,
  routes: [
    post('/', async view => json(await view.body())),
    post('/none', text('handler')),
    get('/', text('ok')),
  ],
}

/** Says what it has seen in headers, and lets the request through. */
const peeks =
  (limit: number, more: { bodyTimeout?: number } = {}) =>
  (probe: Probe): Pipeline<object> =>
    probe.pipeline(more).use(
      probe.middleware('a', {
        async onRequest(ctx) {
          const { bytes, complete } = await ctx.peek(limit)
          ctx.setHeader(
            'X-Peek',
            `${bytes.length} ${complete} ${new TextDecoder().decode(bytes.subarray(0, 6))}`,
          )
        },
      }),
    )

const JSON_TYPE = { 'Content-Type': 'application/json' }
const small = '{"a":1}'
const large = JSON.stringify({ a: 'x'.repeat(200_000) })

/** With a length and in chunks. */
const both = (body: string, parts = 3) => {
  const size = Math.ceil(body.length / parts)
  const chunks = Array.from({ length: parts }, (_, i) => body.slice(i * size, (i + 1) * size))
  return [
    { method: 'POST', body, headers: JSON_TYPE },
    { method: 'POST', body: chunks, headers: JSON_TYPE },
  ]
}
const sees = (peek: string, body: string) => ({ status: 200, headers: { 'X-Peek': peek }, body })

export const peeked: readonly Behaviour[] = [
  {
    title:
      'given a middleware that peeks when the body is small then it sees all of it and the handler reads it',
    edge: peeks(100),
    app,
    when: both(small),
    gets: [sees('7 true {"a":1', small), sees('7 true {"a":1', small)],
    trace: ['a>', 'handler', '<a', 'a>', 'handler', '<a'],
  },
  {
    title: 'given a middleware that peeks when the body is as long as its limit then it sees all of it',
    edge: peeks(7),
    app,
    when: both(small),
    gets: [sees('7 true {"a":1', small), sees('7 true {"a":1', small)],
  },
  {
    title:
      'given a middleware that peeks when the body is over its limit then it sees the beginning and the handler reads all',
    edge: peeks(6),
    app,
    when: [...both(small), ...both(large), ...both(large, 40)],
    gets: [
      sees('6 false {"a":1', small),
      sees('6 false {"a":1', small),
      ...Array.from({ length: 4 }, () => sees('6 false {"a":"', large)),
    ],
  },
  {
    title:
      'given a middleware that peeks when the body is large and within its limit then the handler reads all',
    edge: peeks(1_000_000),
    app,
    when: [...both(large), ...both(large, 40)],
    gets: Array.from({ length: 4 }, () => sees(`${large.length} true {"a":"`, large)),
  },
  {
    title:
      'given a middleware that peeks for nothing when there is a body then it only learns that there is one',
    edge: peeks(0),
    app,
    when: both(small),
    gets: [sees('0 false', small), sees('0 false', small)],
  },
  {
    title:
      'given a middleware that peeks when there is no body then it is whole and empty and the handler answers',
    edge: peeks(10),
    app,
    when: [
      { target: '/' },
      { method: 'POST', target: '/none' },
      { method: 'POST', target: '/none', body: '' },
      { method: 'POST', target: '/none', body: [] },
    ],
    gets: [
      sees('0 true', 'ok'),
      sees('0 true', 'handler'),
      sees('0 true', 'handler'),
      sees('0 true', 'handler'),
    ],
  },
  {
    title: 'given a middleware that peeks when others read the body behind it then each has all of it',
    edge: probe =>
      peeks(3)(probe)
        .use(probe.middleware('b', { onRequest: async ctx => void (await ctx.peek(1000)) }))
        .use(
          probe.middleware('c', {
            async onRequest(ctx) {
              if (ctx.path === '/stream') return new Reply(200, {}, ctx.body())
              return new Reply(200, {}, await ctx.bytes(10_000_000))
            },
          }),
        ),
    app,
    when: [...both(large), ...both(large).map(request => ({ ...request, target: '/stream' }))],
    gets: Array.from({ length: 4 }, () => sees('3 false {"a', large)),
  },
  {
    title:
      'given a middleware that peeks when the handler does not read the body then the connection serves the next request',
    edge: peeks(3),
    app,
    when: async client => {
      const connection = await client.connect()
      connection.send({
        method: 'POST',
        target: '/none',
        body: 'abcdef',
        headers: { Connection: 'keep-alive' },
      })
      const first = await connection.receive()
      const answer = { ...first, ...(await whole(first)), closed: false }
      connection.send({ target: '/' })
      const second = await connection.receive()
      return [answer, { ...second, ...(await whole(second)), closed: await connection.ends() }]
    },
    gets: [sees('3 false abc', 'handler'), sees('0 true', 'ok')],
    needs: ['socket'],
  },
  {
    title: 'given a middleware that peeks and refuses when the body is large then the client has the refusal',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          async onRequest(ctx) {
            await ctx.peek(10)
            return ctx.deny({ status: 403, code: 'X', message: 'no' })
          },
        }),
      ),
    app,
    when: [...both(small), ...both(large)],
    gets: { status: 403, body: /"code":"X"/ },
  },
  {
    title:
      'given a body that was read in front when a middleware peeks then it is a 500 and the log says what to do',
    edge: peeks(10),
    app: { routes: app.routes ?? [], bodyReadInFront: true },
    when: { method: 'POST', body: 'hello', headers: { 'Content-Type': 'text/plain' } },
    gets: { status: 500, body: /"code":"INTERNAL_ERROR"/ },
    logs: [/the body was already read by something mounted earlier; mount Palisade in front/],
  },
  {
    title: 'given a limit that is no number when a middleware peeks then it is a 500 and the log names it',
    edge: peeks(Number.NaN),
    app,
    when: { method: 'POST', body: small, headers: JSON_TYPE },
    gets: { status: 500 },
    logs: [/the limit of a body is NaN; allowed/],
  },
  {
    title: 'given a middleware that peeks when the client leaves in the middle then no handler runs',
    edge: peeks(100),
    app,
    when: async (client, probe) => {
      const connection = await client.connect()
      connection.write('POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345')
      await probe.reached
      connection.leave()
      await probe.settled()
      return []
    },
    gets: [],
    trace: ['a>', '<a'],
    outcomes: [{ status: undefined, aborted: true }],
    needs: ['socket'],
  },
  {
    title: 'given a middleware that peeks when the rest does not come in time then it is a 408',
    edge: peeks(100, { bodyTimeout: 20 }),
    app,
    when: async client => {
      const connection = await client.connect()
      connection.write('POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345')
      const live = await connection.receive()
      return [{ ...live, ...(await whole(live)), closed: undefined }]
    },
    gets: { status: 408, body: /"code":"REQUEST_TIMEOUT"/ },
    trace: ['a>', '<a'],
    needs: ['socket'],
  },
]
