/** Palisade's own middleware, end to end. */
import { cors, requestId, securityHeaders } from '@palisade/core'
import { concurrencyLimit, rateLimit } from '@palisade/ratelimit'
import { text } from '../answers.js'
import { type App, type Behaviour, get } from '../behaviour.js'
import { type Answered, whole } from '../client/client.js'

const app: App = { errorHandler: true, notFoundHandler: true, routes: [get('/', text('ok'))] }
const fails: App = {
  errorHandler: true,
  routes: [
    get('/', () => {
      throw new Error('boom')
    }),
  ],
}
const page = { Origin: 'https://app.example.com' }
const readable = { 'Access-Control-Allow-Origin': 'https://app.example.com', Vary: /\bOrigin\b/ }
const secured = { 'X-Content-Type-Options': 'nosniff', 'Content-Security-Policy': /default-src/ }

const edge: NonNullable<Behaviour['edge']> = probe =>
  probe
    .pipeline()
    .use(probe.middleware('a'))
    .use(requestId())
    .use(securityHeaders())
    .use(cors({ origin: ['https://app.example.com'], methods: ['GET', 'PUT'], maxAge: 600 }))
    .use(rateLimit({ limit: 2, window: '1m' }))

export const together: readonly Behaviour[] = [
  {
    title:
      'given a limit that settles when a response has ended then its real cost is what the next request finds',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a', { onResponse: () => probe.gate('first end').open() }))
        .use(
          rateLimit({
            algorithm: 'fixed-window',
            limit: 100,
            window: '1h',
            cost: 10,
            settle: (_ctx, { status }) => (status === 200 ? 60 : undefined),
          }),
        ),
    app,
    when: async (client, probe) => {
      const first = await client.send({ target: '/' })
      await probe.gate('first end').opened
      return [first, await client.send({ target: '/' })]
    },
    gets: [
      { status: 200, headers: { 'X-RateLimit-Remaining': '90' } },
      { status: 200, headers: { 'X-RateLimit-Remaining': '30' } },
    ],
  },
  {
    title: 'given a place for one when a client leaves the line then it gets no place, and the next one does',
    edge: probe => {
      let came = 0
      return probe
        .pipeline()
        .use(
          probe.middleware('a', {
            onRequest() {
              if (++came === 2) probe.gate('in line').open()
            },
            onResponse: () => probe.gate('first end').open(),
          }),
        )
        .use(concurrencyLimit({ limit: 1, key: () => 'all', queue: { size: 5, timeout: '1m' } }))
    },
    app: {
      routes: [
        get('/', async ({ probe }) => {
          probe.gate('reached').open()
          await probe.gate('go').opened
          return text('ok')
        }),
      ],
    },
    when: async (client, probe) => {
      const first = client.start({ target: '/' })
      await probe.gate('reached').opened
      const second = client.start({ target: '/' })
      await probe.gate('in line').opened
      second.leave()
      await probe.gate('first end').opened
      const third = client.start({ target: '/' })
      probe.gate('go').open()
      const answers: Answered[] = []
      for (const exchange of [first, third]) {
        const live = await exchange.head
        answers.push({ ...live, ...(await whole(live)), closed: undefined })
      }
      return answers
    },
    gets: [
      { status: 200, body: 'ok' },
      { status: 200, body: 'ok' },
    ],
    outcomes: [{ status: undefined, aborted: true }, { status: 200 }, { status: 200 }],
  },
  {
    title:
      'given a limit of 2 when a third request comes then it is a 429 with every header, readable by the page',
    edge,
    app,
    when: [{ headers: page }, { headers: page }, { headers: page }],
    gets: [
      {
        status: 200,
        headers: { ...readable, ...secured, 'X-RateLimit-Limit': '2', 'X-RateLimit-Remaining': '1' },
      },
      { status: 200, headers: { 'X-RateLimit-Remaining': '0' } },
      {
        status: 429,
        headers: {
          ...readable,
          ...secured,
          'Retry-After': /^\d+$/,
          'X-RateLimit-Limit': '2',
          'X-RateLimit-Remaining': '0',
          'X-RateLimit-Reset': /^\d{10}$/,
          'RateLimit-Policy': /q=2/,
          RateLimit: /r=0/,
          'X-Request-ID': /^[0-9a-f-]{36}$/,
        },
        body: /"code":"RATE_LIMITED".*"retry_after":\d+/,
      },
    ],
    outcomes: [{ status: 200 }, { status: 200 }, { status: 429, aborted: false }],
  },
  {
    title:
      'given a limit and a tighter one behind it when requests come then the headers are of both, and a refusal of who refuses',
    edge: probe =>
      probe
        .pipeline()
        .use(rateLimit({ name: 'all', algorithm: 'fixed-window', limit: 10, window: '1h' }))
        .use(rateLimit({ name: 'burst', algorithm: 'fixed-window', limit: 1, window: '1m' })),
    app,
    when: [{}, {}],
    gets: [
      {
        status: 200,
        headers: {
          'X-RateLimit-Limit': '1',
          'X-RateLimit-Remaining': '0',
          'RateLimit-Policy': '"all";q=10;w=3600,"burst";q=1;w=60',
          RateLimit: /^"all";r=9;t=\d+,"burst";r=0;t=\d+$/,
        },
      },
      {
        status: 429,
        headers: {
          'X-RateLimit-Limit': '1',
          'RateLimit-Policy': '"all";q=10;w=3600,"burst";q=1;w=60',
          RateLimit: /^"burst";r=0;t=\d+$/,
        },
      },
    ],
  },
  {
    title:
      'given a limit and another in a branch when the handler throws then the headers of both are on the answer',
    edge: probe => probe.pipeline().use(rateLimit({ name: 'all', limit: 5, window: '1m' })),
    branches: edge => ({ login: edge.branch().use(rateLimit({ name: 'login', limit: 10, window: '1m' })) }),
    app: {
      errorHandler: true,
      routes: [
        get('/', text('ok')),
        get(
          '/login',
          () => {
            throw new Error('boom')
          },
          'login',
        ),
      ],
    },
    when: [{ target: '/login' }, { target: '/' }],
    gets: [
      {
        status: 500,
        headers: {
          'X-RateLimit-Limit': '5',
          'X-RateLimit-Remaining': '4',
          'RateLimit-Policy': '"all";q=5;w=60,"login";q=10;w=60',
          RateLimit: /^"all";r=4;t=\d+,"login";r=9;t=\d+$/,
        },
      },
      { status: 200, headers: { 'X-RateLimit-Remaining': '3', RateLimit: /^"all";r=3;t=\d+$/ } },
    ],
    logs: [/boom/],
  },
  {
    title: 'given a limit when HEAD and GET come then both count',
    edge,
    app,
    when: [{ method: 'HEAD' }, {}, { method: 'HEAD' }],
    gets: [{ status: 200 }, { status: 200 }, { status: 429, body: '' }],
  },
  {
    title: 'given a limit when requests come at once then no more than it pass',
    edge,
    app,
    when: client =>
      Promise.all(Array.from({ length: 10 }, () => client.send({}))).then(all =>
        all.sort((a, b) => a.status - b.status),
      ),
    gets: Array.from({ length: 10 }, (_, i) => ({ status: i < 2 ? 200 : 429 })),
  },
  {
    title: 'given cors when a preflight comes then it is answered with 204 and the handler does not run',
    edge,
    app,
    when: { method: 'OPTIONS', headers: { ...page, 'Access-Control-Request-Method': 'PUT' } },
    gets: {
      status: 204,
      headers: {
        ...readable,
        'Access-Control-Allow-Methods': /PUT/,
        'Access-Control-Max-Age': '600',
        'X-RateLimit-Limit': null,
      },
      body: '',
    },
    trace: ['a>', '<a'],
  },
  {
    title: 'given cors when a page of another origin asks then it is given no permission',
    edge,
    app,
    when: { headers: { Origin: 'https://evil.example' } },
    gets: { status: 200, headers: { 'Access-Control-Allow-Origin': null, Vary: /\bOrigin\b/ } },
  },
  {
    title: 'given cors when the handler varies too then Vary has both',
    edge,
    app: { routes: [get('/', text('ok', { append: { Vary: 'Accept-Language' } }))] },
    when: { headers: page },
    gets: { status: 200, headers: { Vary: /Origin[\s\S]*Accept-Language/ } },
  },
  {
    title:
      'given cors and security headers when the handler throws then they are on the error, and a page can read it',
    edge,
    app: fails,
    when: { headers: page },
    gets: { status: 500, headers: { ...readable, ...secured } },
    logs: [/boom/],
  },
  {
    title:
      "given cors and security headers when the handler throws into the host's own error page then a page can read it",
    edge,
    app: { ...fails, errorHandler: false },
    when: { headers: page },
    gets: { status: 500, headers: { ...readable, 'X-Content-Type-Options': 'nosniff' } },
    logs: 'any',
  },
  {
    title: 'given cors and security headers when nothing matches then they are on the 404',
    edge,
    app,
    when: { target: '/nowhere', headers: page },
    gets: { status: 404, headers: readable },
  },
  {
    title:
      'given an error that two requests share when both fail then nothing of the first reaches the second',
    edge: probe =>
      probe.pipeline().use(
        probe.does(ctx => {
          const user = ctx.query.get('user')
          if (user !== null) ctx.setHeader('X-User', user)
        }),
      ),
    app: (() => {
      const shared = Object.assign(new Error('shared'), { headers: { 'X-Shared': 'yes' } })
      return {
        routes: [
          get('/', () => {
            throw shared
          }),
        ],
      }
    })(),
    when: [{ target: '/?user=ada' }, { target: '/' }],
    gets: [
      { status: 500, headers: { 'X-User': 'ada' } },
      { status: 500, headers: { 'X-User': null } },
    ],
    logs: 'any',
  },
  {
    title:
      'given a parameter that is too long for Fastify when the request comes then the pipeline runs on it',
    edge,
    app: { routes: [get('/items/:id', text('item')), get('/', text('ok'))] },
    when: [{ target: `/items/${'x'.repeat(200)}` }, { target: `/items/${'x'.repeat(200)}` }, { target: '/' }],
    gets: [{ status: 414, headers: secured }, { status: 414 }, { status: 429 }],
    outcomes: [{ status: 414 }, { status: 414 }, { status: 429 }],
    only: { hosts: ['fastify'], because: 'only Fastify limits parameters' },
  },
  {
    title: 'given a target that Fastify cannot decode when it comes again and again then it is limited',
    edge,
    app,
    when: [{ target: '/%zz' }, { target: '/%zz' }, { target: '/%zz' }],
    gets: [{ status: 400, headers: secured }, { status: 400 }, { status: 429 }],
    outcomes: [{ status: 400 }, { status: 400 }, { status: 429 }],
    only: { hosts: ['fastify'], because: 'only Fastify answers it before any hook' },
  },
]
