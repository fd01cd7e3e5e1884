import { Reply, requestId, securityHeaders } from '@palisade/core'
import { chunks, empty, raw, redirect, stream, text } from '../answers.js'
import { type Behaviour, get } from '../behaviour.js'

const early = {
  edge: probe =>
    probe.pipeline().use(probe.sets({ 'X-Early': 'yes', 'Content-Security-Policy': "default-src 'self'" })),
} satisfies Partial<Behaviour>

const survived = { 'X-Early': 'yes' }

const survives = (name: string, app: Behaviour['app'], status: number): Behaviour => ({
  ...early,
  title: `given early headers when the answer is ${name} then they are on it`,
  app: app ?? {},
  when: { target: '/' },
  gets: { status, headers: survived },
  outcomes: [{ status, aborted: false }],
})

const cookies: Behaviour['edge'] = probe =>
  probe.pipeline().use(
    probe.does(ctx => {
      ctx.appendHeader('Set-Cookie', 'one=1; Path=/')
      ctx.appendHeader('Set-Cookie', 'two=2; Path=/')
    }),
  )

const varies: Behaviour['edge'] = probe =>
  probe.pipeline().use(probe.does(ctx => ctx.appendHeader('Vary', 'Origin')))

const injects = (name: string, value: string): Behaviour => ({
  title: `given a middleware that sets a header with ${name} when a request comes then it is a 500 and nothing is injected`,
  edge: probe => probe.pipeline().use(probe.does(ctx => ctx.setHeader('X-Echo', value))),
  when: { target: '/' },
  gets: { status: 500, headers: { 'X-Echo': null, 'X-Evil': null } },
  trace: ['a>', '<a'],
  logs: [/^middleware "a" failed/],
})

export const headers: readonly Behaviour[] = [
  survives('a text', { routes: [get('/', text('ok'))] }, 200),
  survives('empty', { routes: [get('/', empty(204))] }, 204),
  survives('a redirect', { routes: [get('/', redirect('/there'))] }, 302),
  survives(
    'a redirect whose headers are immutable',
    { routes: [get('/', redirect('/there', { native: true }))] },
    302,
  ),
  survives("a raw response past the host's own calls", { routes: [get('/', raw('raw'))] }, 200),
  survives('a stream', { routes: [get('/', () => stream(chunks('a', 'b')))] }, 200),
  survives('a 404 of the handler', { routes: [get('/', text('no', { status: 404 }))] }, 404),
  survives('a raw 500', { routes: [get('/', raw('no', { status: 500 }))] }, 500),
  { ...survives("a 404 of the host's own", { routes: [get('/other', text('ok'))] }, 404), needs: ['router'] },
  {
    title: 'given securityHeaders when the host would tell what it is then X-Powered-By is not sent',
    edge: probe => probe.pipeline().use(securityHeaders()),
    app: { routes: [get('/', text('ok'))] },
    when: { target: '/' },
    gets: { status: 200, headers: { 'X-Powered-By': null, 'X-Content-Type-Options': 'nosniff' } },
  },
  {
    title: 'given early headers when a later middleware answers then they are on it, and its own headers win',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.sets({ 'X-Early': 'yes', 'X-Same': 'early' }))
        .use(probe.middleware('b', { onRequest: () => new Reply(200, { 'x-same': 'reply' }, 'ok') })),
    when: { target: '/' },
    gets: { status: 200, headers: { 'X-Early': 'yes', 'X-Same': 'reply' } },
  },
  {
    title:
      'given a middleware that answers without a body when a request comes then there is no Content-Type',
    edge: probe =>
      probe.pipeline().use(probe.middleware('a', { onRequest: () => new Reply(200, { 'X-Own': 'yes' }) })),
    when: [{ target: '/' }, { target: '/', method: 'HEAD' }],
    gets: Array(2).fill({
      status: 200,
      headers: { 'X-Own': 'yes', 'Content-Type': null, 'Content-Length': '0' },
      body: '',
    }),
  },
  {
    title: 'given an early header when the handler sets it too then the handler wins, in one line',
    ...early,
    app: { routes: [get('/', text('ok', { headers: { 'x-early': 'handler' } }))] },
    when: { target: '/' },
    gets: { status: 200, headers: { 'X-Early': 'handler' } },
  },
  {
    title: 'given a header that is set twice when a request passes then the later value stands alone',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.sets({ 'X-Same': '1' }))
        .use(probe.sets({ 'x-same': '2' }, 'b')),
    when: { target: '/' },
    gets: { headers: { 'X-Same': '2' } },
  },
  {
    title: 'given cookies of a middleware when the handler sets one too then all are sent, each on its line',
    edge: cookies,
    app: { routes: [get('/', text('ok', { append: { 'Set-Cookie': 'three=3' } }))] },
    when: { target: '/' },
    gets: { status: 200, headers: { 'Set-Cookie': ['one=1; Path=/', 'two=2; Path=/', 'three=3'] } },
  },
  {
    title: 'given cookies of a middleware when another one answers with cookies then all are sent',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.does(ctx => ctx.appendHeader('Set-Cookie', 'one=1')))
        .use(
          probe.middleware('b', { onRequest: () => new Reply(200, { 'Set-Cookie': ['two=2', 'three=3'] }) }),
        ),
    when: { target: '/' },
    gets: { status: 200, headers: { 'Set-Cookie': ['one=1', 'two=2', 'three=3'] } },
  },
  {
    title: 'given cookies of a middleware when the handler throws then they are sent with the error',
    edge: cookies,
    app: {
      errorHandler: true,
      routes: [
        get('/', () => {
          throw new Error('boom')
        }),
      ],
    },
    when: { target: '/' },
    gets: { status: 500, headers: { 'Set-Cookie': ['one=1; Path=/', 'two=2; Path=/'] } },
    logs: [/boom/],
  },
  {
    title: 'given Vary of a middleware when the handler varies too then both are in it',
    edge: varies,
    app: { routes: [get('/', text('ok', { append: { Vary: 'Accept-Encoding' } }))] },
    when: { target: '/' },
    gets: { headers: { Vary: /^Origin(, |\n)Accept-Encoding$/ } },
  },
  {
    title: 'given Vary of a middleware when the handler varies by the same then it is in it once',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.does(ctx => ctx.appendHeader('Vary', 'Origin')))
        .use(probe.does(ctx => ctx.appendHeader('vary', 'origin, Accept'), 'b')),
    when: { target: '/' },
    gets: { headers: { Vary: 'Origin, Accept' } },
  },
  {
    title: 'given Vary of a middleware when another one answers with Vary then both are in it',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.does(ctx => ctx.appendHeader('Vary', 'Origin')))
        .use(probe.middleware('b', { onRequest: () => new Reply(200, { Vary: 'Accept' }) })),
    when: { target: '/' },
    gets: { headers: { Vary: 'Origin, Accept' } },
  },
  injects('a line break', 'a\r\nX-Evil: 1'),
  injects('a bare line feed', 'a\nX-Evil: 1'),
  injects('a bare carriage return', 'a\rX-Evil: 1'),
  injects('a NUL', 'a\0b'),
  injects('characters beyond Latin-1', 'snow \u2603'),
  {
    title: 'given a middleware that sets a header in Latin-1 when a request passes then it passes',
    edge: probe => probe.pipeline().use(probe.sets({ 'X-Name': 'caf\u00e9' })),
    when: { target: '/' },
    // Node writes it in the encoding of the body that it is sent with.
    gets: { status: 200, headers: { 'X-Name': /^caf/ } },
  },
  {
    title: 'given a request id that is fit when it comes then it is sent back',
    edge: probe => probe.pipeline().use(requestId()).use(probe.middleware('a')),
    when: { headers: { 'X-Request-ID': 'abc-123' } },
    gets: { status: 200, headers: { 'X-Request-ID': 'abc-123' } },
  },
  {
    title: 'given a request id of 5,000 characters when it comes then another one is sent back',
    edge: probe => probe.pipeline().use(requestId()).use(probe.middleware('a')),
    when: { headers: { 'X-Request-ID': 'a'.repeat(5000) } },
    gets: { status: 200, headers: { 'X-Request-ID': /^[0-9a-f-]{36}$/ } },
  },
  {
    title: 'given a request id that is sent twice when it comes then neither is believed',
    edge: probe => probe.pipeline().use(requestId()).use(probe.middleware('a')),
    when: { headers: { 'X-Request-ID': ['one', 'two'] } },
    gets: { status: 200, headers: { 'X-Request-ID': /^[0-9a-f-]{36}$/ } },
  },
  {
    title: 'given a header in two lines when a middleware reads it then they are joined as a list',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a', { onRequest: ctx => new Reply(200, {}, ctx.header('x-list') ?? null) })),
    when: { headers: { 'X-List': ['one', 'two'] } },
    gets: { body: 'one, two' },
  },
]
