import { expect, test } from 'vitest'
import {
  type AdminOptions,
  adminApi,
  checkFields,
  integerText,
  readJson,
  withQuery,
} from '../../src/admin.js'
import { ConfigError, pipeline, privateNetworks, Reply } from '../../src/index.js'
import { integer, list, object, optional, text } from '../../src/middleware.js'
import { type InjectedRequest, inject } from '../../src/testing.js'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

function serve(request: InjectedRequest, authorize: AdminOptions['authorize'] = () => true) {
  const api = adminApi(
    'thingAdmin',
    { path: '/admin/things', authorize },
    {
      '/': {
        GET: withQuery({ limit: optional(integerText({ min: 1, max: 9 }), 5) }, (_, __, query) =>
          Reply.json(200, query),
        ),
        POST: async ctx => Reply.json(201, checkFields(await readJson(ctx, 1000), SHAPE)),
      },
      '/:id': {
        GET: (_, { id }) => Reply.json(200, { id }),
        DELETE: (_, { id }) => Reply.json(200, { id }),
      },
      '/:id/parts': { POST: (_, { id }) => Reply.json(200, { id }) },
      '/:id/parts/:part': { GET: (_, params) => Reply.json(200, params) },
    },
  )
  return inject(pipeline({ logger: silent }).use(api), request)
}

const SHAPE = {
  name: text({ max: 10 }),
  sizes: optional(list(integer({ max: 9 }))),
  box: optional(object({ width: integer() })),
}
const JSON_BODY = { 'content-type': 'application/json' }
const post = (body: string | Uint8Array, headers: Record<string, string> = JSON_BODY): InjectedRequest => ({
  method: 'POST',
  url: '/admin/things',
  headers,
  body,
})
const fieldsOf = (response: { json(): unknown }) =>
  (response.json() as { error: { details: { fields: { field: string; message: string }[] } } }).error.details
    .fields

test.each([
  [true, 200],
  [false, 403],
])(
  'an authorize whose thenable says %s late, and returns nothing from then(), is waited for',
  async (allow, status) => {
    const late = { then: (done: (allow: boolean) => void) => void setImmediate(done, allow) }
    const answered = await serve({ url: '/admin/things' }, () => late as unknown as boolean)
    expect([answered.status, answered.passed]).toEqual([status, false])
  },
)

test.each(['/', '/admin', '/admin/thingsx', '/Admin/things', '/admin%2fthings', '/admin/thing'])(
  'given %s, which is not below the mount, the request goes on untouched',
  async url => {
    const { passed, headers } = await serve({ url }, () => {
      throw new Error('not asked')
    })
    expect([passed, headers['cache-control']]).toEqual([true, undefined])
  },
)

test.each([
  ['/admin/things', { limit: 5 }],
  ['/admin/things/', { limit: 5 }],
  ['/admin/things?limit=9', { limit: 9 }],
  ['/admin/things/a%2Fb', { id: 'a/b' }],
  ['/admin/things/7/parts/x', { id: '7', part: 'x' }],
])('GET %s is answered with %j and stored by no cache', async (url, body) => {
  const response = await serve({ url })
  expect([response.status, response.json(), response.headers['cache-control']]).toEqual([
    200,
    body,
    'no-store',
  ])
})

test('HEAD counts as GET', async () => {
  expect((await serve({ method: 'HEAD', url: '/admin/things/7' })).status).toBe(200)
})

test.each([
  ['DELETE', '/admin/things', 'GET, HEAD, POST'],
  ['POST', '/admin/things/7', 'GET, HEAD, DELETE'],
  ['constructor', '/admin/things/7', 'GET, HEAD, DELETE'],
])('%s %s is 405 with Allow: %s', async (method, url, allow) => {
  const { status, headers } = await serve({ method, url })
  expect([status, headers['allow'], headers['cache-control']]).toEqual([405, allow, 'no-store'])
})

const posted = (site: string | undefined, headers: Record<string, string> = {}): InjectedRequest => ({
  method: 'POST',
  url: '/admin/things/7/parts',
  headers: { ...(site !== undefined && { 'sec-fetch-site': site }), ...headers },
})

test.each<[what: string, request: InjectedRequest, status: number]>([
  ['a page of another site posts without a body', posted('cross-site'), 403],
  ['a page of a neighbouring origin does', posted('same-site'), 403],
  ['a page of another site posts a form', posted('cross-site', { 'content-type': 'text/plain' }), 403],
  [
    'it hides JSON in a type that needs no preflight',
    posted('cross-site', { 'content-type': 'text/plain; application/json' }),
    403,
  ],
  ['a page of this origin posts', posted('same-origin'), 200],
  ['a person sends it', posted('none'), 200],
  ['no browser does', posted(undefined), 200],
  ['it is JSON, for which a preflight asked', posted('cross-site', JSON_BODY), 200],
  [
    'it is JSON with a charset',
    posted('cross-site', { 'content-type': 'Application/JSON ; charset=utf-8' }),
    200,
  ],
  [
    'a link of another site is followed',
    { ...posted('cross-site'), method: 'GET', url: '/admin/things' },
    200,
  ],
  [
    'it is a method for which a preflight asked',
    { ...posted('cross-site'), method: 'DELETE', url: '/admin/things/7' },
    200,
  ],
])('given an admin whose browser logs in by itself, when %s, then it is %j', async (_, request, status) => {
  expect((await serve(request)).status).toBe(status)
})

test('an unknown path below the mount is 404, a broken encoding 400', async () => {
  expect((await serve({ url: '/admin/things/7/x' })).status).toBe(404)
  expect((await serve({ url: '/admin/things/%ff' })).status).toBe(400)
})

test.each<[authorize: AdminOptions['authorize'], status: number, code: string]>([
  [() => false, 403, 'FORBIDDEN'],
  [async () => false, 403, 'FORBIDDEN'],
  [
    () => ({ allow: false, status: 401, code: 'UNAUTHORIZED', message: 'm', reason: 'r' }) as const,
    401,
    'UNAUTHORIZED',
  ],
  [() => undefined as unknown as boolean, 500, 'INTERNAL_ERROR'],
  [() => 'yes' as unknown as boolean, 500, 'INTERNAL_ERROR'],
  [async () => new Reply(200) as unknown as boolean, 500, 'INTERNAL_ERROR'],
  [() => Promise.reject(new Error('down')), 500, 'INTERNAL_ERROR'],
])(
  'given a guard that does not allow (%#), nothing is revealed, not even whether the route exists',
  async (authorize, status, code) => {
    for (const request of [
      { url: '/admin/things' },
      { url: '/admin/things/a/b/c' },
      { method: 'PUT', url: '/admin/things' },
    ]) {
      const response = await serve(request, authorize)
      expect([response.status, (response.json() as { error: { code: string } }).error.code]).toEqual([
        status,
        code,
      ])
    }
  },
)

test('all faults of a body are told at once, each with its path', async () => {
  const response = await serve(post('{"nmae":"x","sizes":[1,10],"box":{"width":"w"},"__proto__":{}}'))
  expect(response.status).toBe(422)
  expect(fieldsOf(response)).toEqual([
    { field: 'nmae', message: 'is not a known field (did you mean "name"?)' },
    { field: '__proto__', message: 'is not a known field' },
    { field: 'name', message: 'is missing; must be a string of 1 to 10 characters' },
    { field: 'sizes[1]', message: 'must be a whole number from 0 to 9' },
    { field: 'box.width', message: 'must be a whole number from 0 to 9007199254740991' },
  ])
})

test.each(['[]', 'null', '1', '"x"'])('a body that is %s is no object', async body => {
  const response = await serve(post(body))
  expect([response.status, fieldsOf(response)[0]?.field]).toEqual([422, ''])
})

test.each(['?limit=0', '?limit=10', '?limit=1e0', '?limit=', '?limit=1&limit=2', '?page=1'])(
  'the query %s is refused by field',
  async query => {
    const response = await serve({ url: `/admin/things${query}` })
    expect([response.status, fieldsOf(response).length]).toEqual([422, 1])
  },
)

test.each([
  ['GET', '/admin/things/7?verbose=1'],
  ['HEAD', '/admin/things/7?verbose=1'],
  ['POST', '/admin/things?verbose=1'],
  ['POST', '/admin/things?verbose'],
])('%s %s, where no query is read, is refused by field before the handler', async (method, url) => {
  const response = await serve({ method, url, ...(method === 'POST' && { body: '{' }) })
  expect(response.status).toBe(422)
  if (method !== 'HEAD')
    expect(fieldsOf(response)).toEqual([{ field: 'verbose', message: 'is not a known field' }])
})

test('a faulty query has the status that the rules say', async () => {
  const routes = { '/': { GET: () => Reply.json(200, {}) } }
  const api = adminApi('thingAdmin', { path: '/things', authorize: () => true }, routes, { status: 400 })
  expect((await inject(pipeline({ logger: silent }).use(api), { url: '/things?a=1' })).status).toBe(400)
})

test('a route that takes any query is asked whatever it says', async () => {
  const routes = { '/': { GET: { query: 'any', handle: () => Reply.json(200, {}) } as const } }
  const api = adminApi('thingAdmin', { path: '/things', authorize: () => true }, routes)
  expect((await inject(pipeline({ logger: silent }).use(api), { url: '/things?a=1&a=2' })).status).toBe(200)
})

test('given a guard that does not allow, a query is not judged', async () => {
  expect((await serve({ url: '/admin/things?page=1' }, () => false)).status).toBe(403)
})

test('a thousand unknown fields are not told back', async () => {
  const body = JSON.stringify(Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`f${i}`, 1])))
  expect(fieldsOf(await serve(post(body))).length).toBe(20)
})

test.each([
  [post('{"name":"x"}', {}), 415],
  [post('{"name":"x"}', { 'content-type': 'text/plain' }), 415],
  [post('{"name":"x"}', { 'content-type': 'application/json; charset=latin1' }), 415],
  [post('{"name":"x"}', { 'content-type': 'application/jsonx' }), 415],
  [post('{"name":"x"}', { ...JSON_BODY, 'content-encoding': 'gzip' }), 415],
  [post('{"name":"x"}', { 'content-type': 'application/json; charset=UTF-8' }), 201],
  [post(''), 400],
  [post('{"name":'), 400],
  [post(new Uint8Array([0x22, 0xff, 0x22])), 400],
  [post(`{"name":"${'x'.repeat(1000)}"}`), 413],
  [post('['.repeat(1000)), 400],
])('body %# is answered as it should be', async (request, status) => {
  expect((await serve(request)).status).toBe(status)
})

const anybody = () => true

test.each([
  [{ path: '/x' }, 'authorize'],
  [{ path: '/x', authorize: true }, 'authorize'],
  [{ path: 'x', authorize: anybody }, 'path'],
  [{ path: '/x/', authorize: anybody }, 'path'],
  [{ path: '/', authorize: anybody }, 'path'],
  [{ path: '/x/:id', authorize: anybody }, 'path'],
  [{ path: '/..', authorize: anybody }, 'path'],
  [{ path: '/x/../y', authorize: anybody }, 'path'],
  [{ path: '/x/.', authorize: anybody }, 'path'],
  [{ path: '/x', authorize: privateNetworks }, 'authorize'],
  [{ path: '/x', authorize: anybody, authorise: 1 }, 'authorise'],
])('options %j are refused, naming "%s"', (options, option) => {
  expect(() => adminApi('thingAdmin', options as AdminOptions, {})).toThrow(ConfigError)
  expect(() => adminApi('thingAdmin', options as AdminOptions, {})).toThrow(`thingAdmin: option "${option}"`)
})
