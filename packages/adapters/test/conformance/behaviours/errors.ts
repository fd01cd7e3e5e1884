import { problemDetails, Reply, RequestError } from '@palisade/core'
import { broken, text } from '../answers.js'
import { type Behaviour, get, type Script } from '../behaviour.js'
import { whole } from '../client/client.js'

const fails = (error: unknown) => () => {
  throw error
}

const half: NonNullable<Behaviour['app']> = {
  errorHandler: true,
  routes: [get('/', ({ probe }) => broken('part', probe.gate('seen').opened, new Error('boom')))],
}

const cutShort: Script = async (client, probe) => {
  const live = await client.start({ target: '/' }).head
  const body = (await live.next()) ?? ''
  probe.gate('seen').open()
  const { complete } = await whole(live)
  if (complete) throw new Error('the answer looks whole')
  return [{ ...live, body, complete, closed: undefined }]
}

const HIDDEN = /^\{"error":\{"code":"INTERNAL_ERROR","message":"An unexpected error occurred","timestamp"/

export const errors: readonly Behaviour[] = [
  {
    title:
      'given a middleware that throws when a request comes then it is refused with 500 and the cause is in the log alone',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a'))
        .use(probe.middleware('b', { onRequest: fails(new Error('boom')) }))
        .use(probe.middleware('c')),
    when: { target: '/' },
    gets: { status: 500, body: HIDDEN },
    trace: ['a>', 'b>', '<b', '<a'],
    outcomes: [{ status: 500, aborted: false, error: /boom/ }],
    logs: [/^middleware "b" failed: boom$/],
  },
  {
    title:
      'given a middleware that rejects when a request comes then it is refused with 500 and the cause is in the log alone',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a', { onRequest: () => Promise.reject(new Error('boom')) }))
        .use(probe.middleware('b')),
    when: { target: '/' },
    gets: { status: 500, body: HIDDEN },
    trace: ['a>', '<a'],
    outcomes: [{ status: 500, error: /boom/ }],
    logs: [/^middleware "a" failed: boom$/],
  },
  ...[false, null, 'no', { status: 401 }].map(
    (wrong): Behaviour => ({
      title: `given a middleware that returns ${JSON.stringify(wrong)} when a request comes then it is refused and not let through`,
      edge: probe => probe.pipeline().use(probe.middleware('a', { onRequest: () => wrong as never })),
      when: { target: '/' },
      gets: { status: 500, body: HIDDEN },
      trace: ['a>', '<a'],
      logs: [/^middleware "a" failed: onRequest returned (boolean|object|string); allowed: nothing, a Reply/],
    }),
  ),
  {
    title:
      'given a middleware that resolves to something wrong when a request comes then it is refused and not let through',
    edge: probe => probe.pipeline().use(probe.middleware('a', { onRequest: async () => true as never })),
    when: { target: '/' },
    gets: { status: 500, body: HIDDEN },
    trace: ['a>', '<a'],
    logs: [/onRequest returned boolean/],
  },
  {
    title: 'given an end hook that throws when a response ends then it is logged and the others run',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a'))
        .use(probe.middleware('b', { onResponse: fails(new Error('late')) }))
        .use(probe.middleware('c')),
    when: { target: '/' },
    gets: { status: 200, body: 'ok' },
    trace: ['a>', 'b>', 'c>', 'handler', '<c', '<b', '<a'],
    logs: [/^onResponse threw: late$/],
  },
  {
    title:
      'given a middleware that throws a RequestError when a request comes then it is answered as the error says, without a log',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest: fails(new RequestError(409, 'taken', { headers: { 'X-Why': 'name' } })),
        }),
      ),
    when: { target: '/' },
    gets: { status: 409, headers: { 'X-Why': 'name' }, body: /"code":"CONFLICT","message":"taken"/ },
  },
  {
    title:
      'given the error handler of the edge when a handler throws then it is answered in the form of the pipeline',
    edge: probe => probe.pipeline().use(probe.sets({ 'X-Early': 'yes' })),
    app: { errorHandler: true, routes: [get('/', fails(new Error('boom')))] },
    when: { target: '/' },
    gets: { status: 500, headers: { 'X-Early': 'yes' }, body: HIDDEN },
    outcomes: [{ status: 500, aborted: false, route: '/', error: /boom/ }],
    logs: [/^the handler failed: boom$/],
  },
  {
    title:
      'given the error handler of the edge when a handler rejects then it is answered in the form of the pipeline',
    app: { errorHandler: true, routes: [get('/', () => Promise.reject(new Error('boom')))] },
    when: { target: '/' },
    gets: { status: 500, body: HIDDEN },
    outcomes: [{ status: 500, error: /boom/ }],
    logs: [/^the handler failed: boom$/],
  },
  {
    title:
      'given the error handler of the edge when a handler throws a 404 to be shown then the message is shown and nothing is logged',
    app: {
      errorHandler: true,
      routes: [get('/', fails(Object.assign(new Error('no such order'), { status: 404, expose: true })))],
    },
    when: { target: '/' },
    gets: { status: 404, body: /"code":"NOT_FOUND","message":"no such order"/ },
    outcomes: [{ status: 404, error: /no such order/ }],
  },
  {
    title:
      'given the error handler of the edge when a handler throws a 4xx that is not to be shown then the message is hidden',
    app: {
      errorHandler: true,
      routes: [get('/', fails(Object.assign(new Error('row 7 of users'), { statusCode: 422 })))],
    },
    when: { target: '/' },
    gets: { status: 422, body: /"code":"VALIDATION_ERROR","message":"The request is not valid"/ },
  },
  {
    title:
      'given the error handler of the edge when a handler throws something that is no Error then it is a 500',
    app: { errorHandler: true, routes: [get('/', fails('boom')), get('/fine', text('fine'))] },
    when: [{ target: '/' }, { target: '/fine' }],
    gets: [{ status: 500, body: HIDDEN }, { status: 200 }],
    outcomes: [{ status: 500, error: /boom/ }, { status: 200 }],
    logs: [/^the handler failed: boom$/],
  },
  {
    title:
      'given the error handler of the edge when a handler rejects with a plain object of a status then that is the status',
    app: { errorHandler: true, routes: [get('/', () => Promise.reject({ status: 403, message: 'inner' }))] },
    when: { target: '/' },
    gets: { status: 403, body: /"code":"FORBIDDEN","message":"Access denied"/ },
  },
  {
    title:
      "given no error handler of the edge when a handler throws then the answer is the host's own, with the early headers and a true outcome",
    edge: probe => probe.pipeline().use(probe.sets({ 'X-Early': 'yes' })),
    app: { routes: [get('/', fails(new Error('boom')))] },
    when: { target: '/' },
    gets: { status: 500, headers: { 'X-Early': 'yes' } },
    outcomes: [{ status: 500, aborted: false, route: '/', error: /boom/ }],
    logs: [/^the handler failed: boom$/],
    needs: ['error-handler'],
  },
  {
    title:
      'given no error handler of the edge when a handler rejects with something that is no Error then it is a 500 with the early headers',
    edge: probe => probe.pipeline().use(probe.sets({ 'X-Early': 'yes' })),
    app: { routes: [get('/', () => Promise.reject('boom'))] },
    when: { target: '/' },
    gets: { status: 500, headers: { 'X-Early': 'yes' } },
    outcomes: [{ status: 500, aborted: false }],
    logs: 'any',
    needs: ['error-handler'],
  },
  {
    title:
      'given a handler that has begun to answer when it throws then the client can tell that it has only a part',
    app: half,
    when: cutShort,
    gets: { status: 200, body: 'part' },
    outcomes: [{ status: 200, aborted: true, route: '/' }],
    logs: 'any',
    notOn: { hono: 'the node server of Hono ends a body that failed with the message of the error' },
  },
  {
    title:
      'given a handler that has begun to answer when it throws then the cause is in the log and the outcome',
    app: half,
    when: cutShort,
    gets: { status: 200 },
    outcomes: [{ aborted: true, error: /boom/ }],
    logs: [/boom$/],
    notOn: {
      hono: 'the node server of Hono reads the body of a response itself and tells nobody why it failed',
    },
  },
  {
    title:
      'given the 404 handler of the edge when nothing matches then it is answered in the form of the pipeline',
    edge: probe => probe.pipeline().use(probe.sets({ 'X-Early': 'yes' })),
    app: { notFoundHandler: true, routes: [get('/', text('ok'))] },
    when: { target: '/nowhere' },
    gets: { status: 404, headers: { 'X-Early': 'yes' }, body: /"code":"NOT_FOUND"/ },
    outcomes: [{ status: 404, aborted: false, route: undefined, error: null }],
    needs: ['not-found-handler'],
  },
  {
    title: 'given problem details when a middleware denies then the answer is RFC 9457',
    edge: probe =>
      probe.pipeline({ errors: problemDetails() }).use(
        probe.middleware('a', {
          onRequest: ctx => ctx.deny({ status: 403, code: 'CLOSED', message: 'no entry' }),
        }),
      ),
    when: { target: '/' },
    gets: {
      status: 403,
      headers: { 'Content-Type': 'application/problem+json' },
      body: /^\{"type":"about:blank","title":"Forbidden","status":403,"detail":"no entry","instance":"urn:uuid:/,
    },
  },
  {
    title: 'given problem details when a handler throws then the answer is RFC 9457',
    edge: probe => probe.pipeline({ errors: problemDetails() }).use(probe.middleware('a')),
    app: { errorHandler: true, routes: [get('/', fails(new Error('boom')))] },
    when: { target: '/' },
    gets: { status: 500, headers: { 'Content-Type': 'application/problem+json' }, body: /"status":500/ },
    logs: [/boom/],
  },
  {
    title: 'given development when a handler throws then the answer shows the cause',
    edge: probe => probe.pipeline({ production: false }).use(probe.middleware('a')),
    app: { errorHandler: true, routes: [get('/', fails(new TypeError('boom')))] },
    when: { target: '/' },
    gets: { status: 500, body: /"details":\{"error":"boom","type":"TypeError","stack":\["TypeError: boom"/ },
    logs: [/boom/],
  },
  {
    title:
      'given an error renderer that fails when a middleware denies then it is still refused, with the status it asked for',
    edge: probe =>
      probe
        .pipeline({ errors: fails(new Error('ugly')) as never })
        .use(probe.middleware('a', { onRequest: ctx => ctx.deny({ status: 403, code: 'X', message: 'y' }) })),
    when: { target: '/' },
    gets: { status: 403, body: /"code":"FORBIDDEN"/ },
    logs: [/^the error renderer failed: ugly$/],
  },
  {
    title:
      'given a reply with a header that cannot be sent when it answers then it is a 500 and nothing of it is sent',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest: () => new Reply(200, { 'X-Ok': 'yes', 'X-Bad': 'a\r\nX-Evil: 1' }, 'body'),
        }),
      ),
    when: [{ target: '/' }, { target: '/' }],
    gets: [
      { status: 500, headers: { 'X-Bad': null, 'X-Evil': null }, body: HIDDEN },
      { status: 500, headers: { 'X-Evil': null } },
    ],
    logs: [/could not be sent/, /could not be sent/],
  },
  {
    title:
      'given a later reply with a header that cannot be sent when it answers then it is a 500 and nothing of it is sent',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a', { onRequest: async () => new Reply(200, { 'X-Bad': 'a\nb' }, 'body') })),
    when: { target: '/' },
    gets: { status: 500, headers: { 'X-Bad': null }, body: HIDDEN },
    logs: [/could not be sent/],
  },
]
