import { Reply } from '@palisade/core'
import { json, text } from '../answers.js'
import { type Behaviour, get } from '../behaviour.js'

export const order: readonly Behaviour[] = [
  {
    title:
      'given two middlewares when a request passes then they run in order and see the response in reverse',
    edge: probe => probe.pipeline().use(probe.middleware('a')).use(probe.middleware('b')),
    when: { target: '/' },
    gets: { status: 200, body: 'ok' },
    trace: ['a>', 'b>', 'handler', '<b', '<a'],
    outcomes: [{ status: 200, aborted: false, route: '/', error: null }],
  },
  {
    title:
      'given a middleware that answers when a request comes then neither the later ones nor the handler run',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a'))
        .use(probe.middleware('b', { onRequest: () => new Reply(418, { 'X-By': 'b' }, 'short') }))
        .use(probe.middleware('c')),
    when: { target: '/' },
    gets: { status: 418, headers: { 'X-By': 'b', 'Content-Length': '5' }, body: 'short' },
    trace: ['a>', 'b>', '<b', '<a'],
    outcomes: [{ status: 418, aborted: false, error: null }],
  },
  {
    title:
      'given a middleware that denies when a request comes then it is refused in the form of the pipeline',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest: ctx => ctx.deny({ status: 403, code: 'CLOSED', message: 'no entry', reason: 'secret' }),
        }),
      ),
    when: { target: '/' },
    gets: {
      status: 403,
      headers: { 'Content-Type': 'application/json; charset=utf-8' },
      body: /^\{"error":\{"code":"CLOSED","message":"no entry","timestamp":"[^"]+","request_id":"[^"]+"\}\}$/,
    },
    trace: ['a>', '<a'],
  },
  {
    title: 'given middlewares that wait when a request passes then the order stays',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a', { onRequest: () => Promise.resolve() }))
        .use(probe.middleware('b'))
        .use(probe.middleware('c', { onRequest: async () => undefined })),
    when: { target: '/' },
    gets: { status: 200, body: 'ok' },
    trace: ['a>', 'b>', 'c>', 'handler', '<c', '<b', '<a'],
  },
  {
    title: 'given a middleware that answers later when a request comes then the handler does not run',
    edge: probe =>
      probe.pipeline().use(probe.middleware('a', { onRequest: async () => new Reply(429, {}, 'later') })),
    when: { target: '/' },
    gets: { status: 429, body: 'later' },
    trace: ['a>', '<a'],
  },
  {
    title: 'given state from a middleware when the handler asks for it then it is there',
    edge: probe =>
      probe
        .pipeline()
        .use({
          name: 'user',
          gives: ['user'],
          onRequest(ctx) {
            ctx.state.user = 'ada'
          },
        } satisfies import('@palisade/core').Middleware<{}, { user: string }>)
        .use(probe.middleware('a')),
    app: { routes: [get('/', view => json(view.state()))] },
    when: { target: '/' },
    gets: { status: 200, body: '{"user":"ada"}' },
  },
  {
    title:
      'given a pipeline that never ran when the handler asks for its state then it throws a plain sentence',
    app: {
      edge: 'never',
      routes: [
        get('/', view => {
          try {
            return json(view.state())
          } catch (error) {
            return text((error as Error).message)
          }
        }),
      ],
    },
    when: { target: '/' },
    gets: { status: 200, body: /this pipeline did not run on this request: mount it in front/ },
    trace: ['handler'],
  },
  {
    title: 'given a pipeline that is mounted twice when a request passes then it runs once',
    app: { edge: 'twice' },
    when: { target: '/' },
    gets: { status: 200, body: 'ok' },
    trace: ['a>', 'handler', '<a'],
  },
  {
    title: 'given two pipelines that do not know each other when a request passes then both run',
    app: {
      neighbour: probe => probe.pipeline().use(probe.sets({ 'X-Other': 'yes' }, 'other')),
    },
    when: { target: '/' },
    gets: { status: 200, headers: { 'X-Other': 'yes' }, body: 'ok' },
  },
  {
    title:
      'given a middleware without an end hook when nobody listens then requests are answered all the same',
    edge: probe => probe.pipeline().use({ name: 'early', onRequest: ctx => ctx.setHeader('X-Early', 'yes') }),
    when: [{ target: '/' }, { target: '/' }],
    gets: [
      { status: 200, headers: { 'X-Early': 'yes' }, body: 'ok' },
      { status: 200, headers: { 'X-Early': 'yes' }, body: 'ok' },
    ],
  },
]
