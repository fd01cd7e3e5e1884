/** `ctx.headers()`: the request's headers as a list. */
import { Reply } from '@palisade/core'
import { text } from '../answers.js'
import { type Behaviour, get } from '../behaviour.js'

/** Answers with the lines whose names are of these tests. */
const lists: Behaviour['edge'] = probe =>
  probe.pipeline().use(
    probe.middleware('a', {
      onRequest: ctx =>
        Reply.json(
          200,
          ctx.headers().filter(([name]) => /^(?:x-|cookie|authorization|constructor)/.test(name)),
        ),
    }),
  )

const says = (...lines: readonly (readonly [string, string])[]) => ({
  status: 200,
  body: JSON.stringify(lines),
})

export const headerList: readonly Behaviour[] = [
  {
    title: 'given headers in mixed case when a middleware lists them then the names are in lower case',
    edge: lists,
    when: { headers: { 'X-First': 'one', 'x-second': 'Two, Three' } },
    gets: says(['x-first', 'one'], ['x-second', 'Two, Three']),
  },
  {
    title:
      'given headers of several lines when a middleware lists them then each line is there, in the order received',
    edge: lists,
    when: async client => {
      const connection = await client.connect()
      connection.write(
        'GET / HTTP/1.1\r\nHost: a\r\nX-B: 1\r\nAuthorization: first\r\nX-A: 2\r\nx-b: 3\r\nCookie: a=1\r\n' +
          'Authorization: second\r\nCookie: b=2\r\nX-B: 1\r\nConnection: close\r\n\r\n',
      )
      const live = await connection.receive()
      return [{ ...live, body: (await live.next()) ?? '', complete: true, closed: undefined }]
    },
    gets: says(
      ['x-b', '1'],
      ['authorization', 'first'],
      ['x-a', '2'],
      ['x-b', '3'],
      ['cookie', 'a=1'],
      ['authorization', 'second'],
      ['cookie', 'b=2'],
      ['x-b', '1'],
    ),
    needs: ['socket'],
  },
  {
    title:
      'given headers that something in front has replaced when a middleware lists them then it sees the new ones',
    edge: lists,
    app: {
      routes: [get('/', text('ok'))],
      rewriteInFront: () => ({ headers: { 'x-a': '1', authorization: 'other', 'x-new': 'added' } }),
    },
    when: { headers: { Authorization: ['first', 'second'], 'X-A': ['1', '2'], 'X-B': ['1', '2'] } },
    gets: {
      status: 200,
      body: (body: string) => {
        const lines = JSON.parse(body) as [string, string][]
        const of = (wanted: string) => lines.filter(([name]) => name === wanted).map(([, value]) => value)
        const seen = [of('authorization'), of('x-a'), of('x-b').join(', '), of('x-new')]
        if (JSON.stringify(seen) !== '[["other"],["1"],"1, 2",["added"]]') throw new Error(body)
      },
    },
  },
  {
    title:
      'given a header with the name of a property of all objects when a middleware lists it then it is there',
    edge: lists,
    when: { headers: { Constructor: '1', 'X-Last': '2' } },
    gets: says(['constructor', '1'], ['x-last', '2']),
  },
]
