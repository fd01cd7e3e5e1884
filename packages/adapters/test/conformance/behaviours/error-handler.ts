import { type Denial, type MapError, RequestError } from '@palisade/core'
import { type Behaviour, get } from '../behaviour.js'

const fails = (error: unknown) => () => {
  throw error
}

const carrying = (fields: object) => Object.assign(new Error('inner'), fields)

/** What the error handler of the edge makes of an error. */
const answers = (what: string, error: unknown, gets: Behaviour['gets'], logs: RegExp[] = []): Behaviour => ({
  title: `given the error handler of the edge when a handler throws ${what} then the answer keeps what it says`,
  app: { errorHandler: true, routes: [get('/', fails(error))] },
  when: { target: '/' },
  gets,
  logs,
})

class NotFound extends Error {
  readonly id = 7
}

/** The pipeline of a team that maps its own errors. */
const maps = (
  what: string,
  mapError: unknown,
  gets: Behaviour['gets'],
  logs: RegExp[] = [],
  thrown: unknown = new NotFound('row 7'),
): Behaviour => ({
  title: `given a mapError that ${what} when a handler throws then the answer is as it should be`,
  edge: probe => probe.pipeline({ mapError: mapError as MapError }).use(probe.middleware('a')),
  app: { errorHandler: true, routes: [get('/', fails(thrown))] },
  when: { target: '/' },
  gets,
  logs,
})

const DENIAL: Denial = {
  status: 404,
  code: 'NO_SUCH_ORDER',
  message: 'There is no such order',
  details: { id: 7 },
  headers: { 'X-Why': 'id' },
}

const MAPPED = { status: 404, headers: { 'X-Why': 'id' }, body: /"NO_SUCH_ORDER","message":"There is no/ }
const FAILED = { status: 500, body: /"code":"INTERNAL_ERROR","message":"An unexpected error occurred"/ }

export const errorHandlers: readonly Behaviour[] = [
  answers(
    'a challenge',
    carrying({ status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"', 'x-a': 1 } }),
    { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"', 'X-A': '1' }, body: /UNAUTHORIZED/ },
  ),
  answers(
    'several challenges and cookies',
    carrying({
      status: 401,
      headers: { 'WWW-Authenticate': ['Basic', 'Bearer'], 'Set-Cookie': ['a=1', 'b=2'] },
    }),
    { status: 401, headers: { 'WWW-Authenticate': /^Basic(, |\n)Bearer$/, 'Set-Cookie': ['a=1', 'b=2'] } },
  ),
  answers(
    'a 503 with Retry-After',
    carrying({ statusCode: 503, headers: new Headers({ 'retry-after': '30' }) }),
    { status: 503, headers: { 'Retry-After': '30' }, body: /"code":"SERVICE_UNAVAILABLE"/ },
    [/inner/],
  ),
  answers(
    'headers without a status',
    carrying({ headers: { 'Retry-After': '5' } }),
    { status: 500, headers: { 'Retry-After': '5' } },
    [/inner/],
  ),
  answers(
    'headers of another body',
    carrying({
      status: 409,
      headers: {
        'Content-Length': '1',
        'Content-Type': 'text/html',
        'Content-Encoding': 'gzip',
        'Transfer-Encoding': 'chunked',
        Connection: 'upgrade',
        Allow: 'GET',
      },
    }),
    {
      status: 409,
      headers: { Allow: 'GET', 'Content-Type': /json/, 'Content-Encoding': null },
      body: /"CONFLICT".*\}\}$/,
    },
  ),
  answers(
    'headers that cannot be sent',
    carrying({
      status: 400,
      headers: { 'X-Bad': 'a\r\nX-Evil: 1', 'bad name': '1', 'X-Odd': {}, 'X-None': null, 'X-Ok': 'yes' },
    }),
    { status: 400, headers: { 'X-Bad': null, 'X-Evil': null, 'X-Odd': null, 'X-None': null, 'X-Ok': 'yes' } },
  ),
  answers('headers that are no object', carrying({ status: 400, headers: 'X-A: 1' }), {
    status: 400,
    body: /BAD_REQUEST/,
  }),
  answers(
    'an error of http-errors that is to be shown',
    carrying({ status: 422, statusCode: 422, expose: true, message: 'name is required' }),
    { status: 422, body: /"message":"name is required"/ },
  ),
  maps('returns a denial', (error: unknown) => (error instanceof NotFound ? DENIAL : undefined), MAPPED),
  maps(
    'returns a RequestError',
    () =>
      new RequestError(404, 'There is no such order', { code: 'NO_SUCH_ORDER', headers: { 'X-Why': 'id' } }),
    MAPPED,
  ),
  maps('returns undefined', () => undefined, FAILED, [/row 7/]),
  maps('returns a 503', () => ({ ...DENIAL, status: 503 }), { status: 503, body: /NO_SUCH_ORDER/ }, [
    /row 7/,
  ]),
  maps('sees the request', (_: unknown, ctx: { path: string }) => ({ ...DENIAL, message: ctx.path }), {
    status: 404,
    body: /"message":"\/"/,
  }),
  ...[
    ['throws', fails(new Error('wrong')), /wrong$/],
    ['returns null', () => null, /returned null; allowed/],
    ['returns true', () => true, /returned boolean; allowed/],
    ['returns a text', () => 'no', /returned string; allowed/],
    ['returns an empty object', () => ({}), /returned object; allowed/],
    ['returns an Error', (error: unknown) => error, /returned object; allowed/],
    ['returns a status that is none', () => ({ ...DENIAL, status: 200 }), /the status is 200/],
    ['returns no code', () => ({ ...DENIAL, code: undefined }), /the code is undefined/],
    ['rejects', () => Promise.reject(new Error('wrong')), /returned a promise; allowed/],
    ['resolves', async () => DENIAL, /returned a promise; allowed/],
  ].map(
    ([what, hook, log]): Behaviour =>
      maps(what as string, hook, FAILED, [
        new RegExp(`^mapError failed: .*${(log as RegExp).source}`),
        /^the handler failed: row 7$/,
      ]),
  ),
  maps(
    'throws over an error that has a status',
    fails(new Error('wrong')),
    FAILED,
    [/^mapError failed: wrong$/, /^the handler failed: inner$/],
    carrying({ status: 404 }),
  ),
  maps(
    'returns a status that is another one later',
    () => {
      let reads = 0
      return {
        ...DENIAL,
        get status() {
          return ++reads < 3 ? 404 : 200
        },
      }
    },
    MAPPED,
  ),
  {
    title: 'given a mapError when a middleware throws then it maps that error too',
    edge: probe =>
      probe
        .pipeline({ mapError: () => DENIAL })
        .use(probe.middleware('a', { onRequest: fails(new NotFound('row 7')) })),
    when: { target: '/' },
    gets: MAPPED,
    outcomes: [{ status: 404, error: /row 7/ }],
    events: [['decision:refused', { status: 404, code: 'NO_SUCH_ORDER', by: 'a' }]],
  },
]
