import { RequestError } from '@palisade/core'
import { type Handler, json, text } from '../answers.js'
import { type Behaviour, get } from '../behaviour.js'

const boom = () => {
  throw new Error('boom')
}
const rejects = () => Promise.reject(new Error('boom'))

const REPORTED: Pick<Behaviour, 'events' | 'logs'> = {
  events: [['request:error', { method: 'GET', path: '/', error: { message: 'boom' } }]],
  logs: [/^the handler failed: boom$/],
}

/** Answers an error of its own, and reports it. */
const reports =
  (status: number, ...errors: unknown[]): Handler =>
  ({ report }) => {
    for (const error of errors) report(error)
    return json({ ours: true }, { status })
  }

const same = new Error('boom')

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

export const reported: readonly Behaviour[] = [
  ...[boom, rejects].flatMap((handler, i): Behaviour[] => {
    const fails = i === 0 ? 'throws' : 'rejects'
    return [
      {
        title: `given no error handler when a handler ${fails} then the error is reported once`,
        app: { routes: [get('/', handler)] },
        when: { target: '/' },
        gets: { status: 500 },
        outcomes: [{ status: 500, aborted: false, error: /^boom$/ }],
        ...REPORTED,
      },
      {
        title: `given an error handler of the team when a handler ${fails} and it answers 503 then the error is reported once`,
        app: { ownErrorHandler: 503, routes: [get('/', handler)] },
        when: { target: '/' },
        gets: { status: 503, body: 'ours' },
        outcomes: [{ status: 503, error: /^boom$/ }],
        ...REPORTED,
        needs: ['error-handler'],
      },
      {
        title: `given an error handler of the team when a handler ${fails} and it answers 404 then the error is only in the outcome`,
        app: { ownErrorHandler: 404, routes: [get('/', handler)] },
        when: { target: '/' },
        gets: { status: 404, body: 'ours' },
        outcomes: [{ status: 404, error: /^boom$/ }],
        events: [],
        needs: ['error-handler'],
      },
      {
        title: `given the error handler of the edge when a handler ${fails} then the error is reported once`,
        app: { errorHandler: true, routes: [get('/', handler)] },
        when: { target: '/' },
        gets: { status: 500 },
        outcomes: [{ status: 500, error: /^boom$/ }],
        ...REPORTED,
      },
      {
        title: `given nothing that observes when a handler ${fails} then the error is logged all the same`,
        edge: probe => probe.pipeline().use({ name: 'plain', onRequest: () => undefined }),
        app: { routes: [get('/', handler)] },
        when: { target: '/' },
        gets: { status: 500 },
        ...REPORTED,
      },
      {
        title: `given a mount and no error handler when a handler below it ${fails} then the error is reported once`,
        app: {
          mounts: [{ at: '/api', routes: [], mounts: [{ at: '/v1', routes: [get('/x', handler)] }] }],
        },
        when: { target: '/api/v1/x' },
        gets: { status: 500 },
        outcomes: [{ status: 500, error: /^boom$/ }],
        events: [['request:error', { path: '/api/v1/x' }]],
        logs: [/^the handler failed: boom$/],
      },
      {
        title: `given a branch and no error handler when a handler behind it ${fails} then the error is reported once`,
        branches: edge => ({ admin: edge.branch().use({ name: 'b', onRequest: () => undefined }) }),
        app: { routes: [get('/', handler, 'admin')] },
        when: { target: '/' },
        gets: { status: 500 },
        outcomes: [{ status: 500, error: /^boom$/ }],
        ...REPORTED,
      },
    ]
  }),
  {
    title: 'given no error handler when a handler throws a 4xx error then it is only in the outcome',
    app: { routes: [get('/', () => Promise.reject(new RequestError(409, 'taken')))] },
    when: { target: '/' },
    gets: { status: 409 },
    outcomes: [{ status: 409, error: /^taken$/ }],
    events: [],
    notOn: {
      hono: 'the error handler of this app answers 500',
      'hono-fetch': 'the error handler of this app answers 500',
    },
  },
  {
    title:
      'given an error that the handler answers when it is reported then it is logged, emitted and in the outcome',
    app: { routes: [get('/', reports(200, new Error('boom')))] },
    when: { target: '/' },
    gets: { status: 200 },
    outcomes: [{ status: 200, error: /^boom$/ }],
    ...REPORTED,
  },
  {
    title: 'given an error that the handler answers when it is reported twice then it is reported once',
    app: { routes: [get('/', reports(500, same, same))] },
    when: { target: '/' },
    gets: { status: 500 },
    ...REPORTED,
  },
  {
    title: 'given a 4xx error that the handler answers when it is reported then it is only in the outcome',
    app: { routes: [get('/', reports(404, new RequestError(404, 'gone')))] },
    when: { target: '/' },
    gets: { status: 404 },
    outcomes: [{ status: 404, error: /^gone$/ }],
    events: [],
  },
  {
    title:
      'given a mapError that refuses when an error of that kind is reported then it is only in the outcome',
    edge: probe =>
      probe
        .pipeline({ mapError: () => ({ status: 404, code: 'GONE', message: 'gone' }) })
        .use(probe.middleware('a')),
    app: { routes: [get('/', reports(404, new Error('boom')))] },
    when: { target: '/' },
    gets: { status: 404 },
    outcomes: [{ status: 404, error: /^boom$/ }],
    events: [],
  },
  {
    title: 'given an edge that is not mounted when errors are reported then they are logged',
    app: { edge: 'never', routes: [get('/', reports(200, new Error('boom'), revoked()))] },
    when: { target: '/' },
    gets: { status: 200 },
    events: [],
    logs: [/never saw: boom$/, /never saw: a value that cannot be inspected was thrown$/],
    needs: ['router'],
  },
  {
    title: 'given two errors when both are reported then both are logged and the first is in the outcome',
    app: { routes: [get('/', reports(200, new Error('one'), new Error('two')))] },
    when: { target: '/' },
    gets: { status: 200 },
    outcomes: [{ error: /^one$/ }],
    events: [
      ['request:error', {}],
      ['request:error', {}],
    ],
    logs: [/one$/, /two$/],
  },
  {
    title: 'given an error that was reported when the handler throws it then it is reported once',
    app: {
      errorHandler: true,
      routes: [
        get('/', ({ report }) => {
          report(same)
          throw same
        }),
      ],
    },
    when: { target: '/' },
    gets: { status: 500 },
    ...REPORTED,
  },
  {
    title: 'given the end of a request when an error was thrown then it is reported in front of the end',
    app: { routes: [get('/', boom), get('/fine', text('fine'))] },
    when: [{ target: '/' }, { target: '/fine' }],
    gets: [{ status: 500 }, { status: 200 }],
    events: [
      ['request:error', { path: '/' }],
      ['request:end', { path: '/', status: 500 }],
      ['request:end', { path: '/fine', status: 200 }],
    ],
    logs: [/boom$/],
  },
]
