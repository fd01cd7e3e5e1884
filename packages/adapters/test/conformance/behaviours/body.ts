import { Reply } from '@palisade/core'
import { text } from '../answers.js'
import { type App, type Behaviour, get, post } from '../behaviour.js'
import { whole } from '../client/client.js'

const reads =
  (limit: number): NonNullable<Behaviour['edge']> =>
  probe =>
    probe.pipeline().use(
      probe.middleware('a', {
        async onRequest(ctx) {
          if (ctx.method === 'GET') return undefined
          const bytes = await ctx.bytes(limit)
          return new Reply(200, { 'X-Length': String(bytes.length) }, bytes)
        },
      }),
    )

const app: App = { routes: [post('/', text('handler')), get('/', text('ok'))] }

export const body: readonly Behaviour[] = [
  {
    title:
      'given a middleware that reads the body when it comes with a length then it has exactly these bytes',
    edge: reads(100),
    app,
    when: { method: 'POST', body: 'snow \u2603' },
    gets: { status: 200, headers: { 'X-Length': '8' }, body: 'snow \u2603' },
    trace: ['a>', '<a'],
  },
  {
    title: 'given a middleware that reads the body when it comes in chunks then it has exactly these bytes',
    edge: reads(100),
    app,
    when: { method: 'POST', body: ['one ', 'two ', 'three'] },
    gets: { status: 200, headers: { 'X-Length': '13' }, body: 'one two three' },
  },
  {
    title: 'given a middleware that reads the body when there is none then it has no bytes',
    edge: reads(100),
    app,
    when: { method: 'POST' },
    gets: { status: 200, headers: { 'X-Length': '0' }, body: '' },
  },
  {
    title: 'given a limit when the body is exactly as long then it is read',
    edge: reads(5),
    app,
    when: [
      { method: 'POST', body: '12345' },
      { method: 'POST', body: ['123', '45'] },
    ],
    gets: { status: 200, body: '12345' },
  },
  {
    title: 'given a limit when the length says more then it is a 413 and the connection is closed',
    edge: reads(5),
    app,
    when: [{ method: 'POST', body: '123456', headers: { Connection: 'keep-alive' } }, { target: '/' }],
    gets: [
      {
        status: 413,
        body: /"code":"PAYLOAD_TOO_LARGE","message":"The request body is over 5 bytes"/,
        closed: true,
      },
      { status: 200, body: 'ok' },
    ],
    outcomes: [{ status: 413, aborted: false }, { status: 200 }],
  },
  {
    title: 'given a limit when the chunks are more then it is a 413 and the connection is closed',
    edge: reads(5),
    app,
    when: [
      { method: 'POST', body: ['123', '456', '789'], headers: { Connection: 'keep-alive' } },
      { target: '/' },
    ],
    gets: [{ status: 413, closed: true }, { status: 200 }],
    outcomes: [{ status: 413, aborted: false }, { status: 200 }],
  },
  {
    title:
      'given a limit when the client never ends its body then it has its answer and the connection is closed',
    edge: reads(5),
    app,
    when: async client => {
      const connection = await client.connect()
      connection.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n')
      const live = await connection.receive()
      const answer = { ...live, ...(await whole(live)), closed: await connection.ends() }
      return [answer]
    },
    gets: { status: 413, closed: true },
    outcomes: [{ status: 413, aborted: false }],
    needs: ['socket'],
  },
  {
    title:
      'given a body that was read in front when a middleware reads it then it is a 500 and the log says what to do',
    edge: reads(100),
    app: { ...app, bodyReadInFront: true },
    when: { method: 'POST', body: 'hello', headers: { 'Content-Type': 'text/plain' } },
    gets: { status: 500, body: /"code":"INTERNAL_ERROR"/ },
    logs: [/the body was already read by something mounted earlier; mount Palisade in front/],
  },
  {
    title:
      'given a middleware that reads the body when the client leaves in the middle then the outcome is aborted',
    edge: reads(100),
    app,
    when: async (client, probe) => {
      const connection = await client.connect()
      connection.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345')
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
    title:
      'given a middleware that does not read the body when the handler answers then the request is whole for the handler',
    app,
    when: { method: 'POST', body: 'hello' },
    gets: { status: 200, body: 'handler' },
  },
]
