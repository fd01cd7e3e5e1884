import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Demo, HOSTS, startDemo } from './support/demo.js'
import { type RawRequest, raw } from './support/raw.js'

const UUID = '00000000-0000-4000-8000-000000000000'
/** Of a key that was never made. */
const NO_KEY = 'A'.repeat(16)

/** What is sent, by whom, and the status and the faulty fields of the answer. */
interface Row extends RawRequest {
  readonly as: 'gus' | 'grace' | 'olga' | undefined
  readonly status: number
  readonly fields?: readonly string[]
}

type Table = readonly (readonly [title: string, row: Row])[]

const JSON_TYPE = { 'Content-Type': 'application/json' }

/** What no API of this server reads, in the same way for all. */
function badBodies(
  as: Row['as'],
  path: string,
  fieldsOfNothing: readonly string[],
  invalid: number,
  method: 'POST' | 'PATCH' = 'POST',
): Table {
  const post = (
    title: string,
    status: number,
    body: RawRequest['body'],
    headers: RawRequest['headers'] = JSON_TYPE,
    fields?: readonly string[],
  ): Table[number] => [
    `${method} ${path} with ${title}`,
    {
      as,
      method,
      path,
      headers,
      status,
      ...(body !== undefined && { body }),
      ...(fields && { fields }),
    },
  ]
  return [
    post('neither body nor type', 415, undefined, {}),
    post('no body', 400, undefined),
    post('an empty body', 400, ''),
    post('text', 415, '{"item":"lamp","quantity":1}', { 'Content-Type': 'text/plain' }),
    post('a form', 415, 'item=lamp', { 'Content-Type': 'application/x-www-form-urlencoded' }),
    post('a type that only looks like JSON', 415, '{}', { 'Content-Type': 'application/jsonp' }),
    post('another charset', 415, '{}', { 'Content-Type': 'application/json; charset=utf-16' }),
    post('a type that is none', 415, '{}', { 'Content-Type': '/;=' }),
    post('a compressed body', 415, '{}', { ...JSON_TYPE, 'Content-Encoding': 'gzip' }),
    post('half an object', 400, '{"item":'),
    post('two objects', 400, '{}{}'),
    post('bytes that are no UTF-8', 400, Buffer.from([0x22, 0xff, 0x22])),
    post('a body that is too large', 413, `"${'x'.repeat(70_000)}"`),
    post('a body that is too large, in chunks', 413, `"${'x'.repeat(70_000)}"`, {
      ...JSON_TYPE,
      'Transfer-Encoding': 'chunked',
    }),
    post('null', invalid, 'null', JSON_TYPE, ['']),
    post('a list', invalid, '[]', JSON_TYPE, ['']),
    post('text in JSON', invalid, '"x"', JSON_TYPE, ['']),
    post('a number', invalid, '1', JSON_TYPE, ['']),
    post('nothing in it', invalid, '{}', JSON_TYPE, fieldsOfNothing),
    post('nested lists to the limit', invalid, `${'['.repeat(7000)}${']'.repeat(7000)}`, JSON_TYPE, ['']),
    post('fields of a prototype', invalid, '{"__proto__":{"a":1},"constructor":1}', JSON_TYPE, [
      '__proto__',
      'constructor',
      ...fieldsOfNothing,
    ]),
  ]
}

/**
 * Leaves out bodies that are absent or name no field: on a route without a body they are no fault.
 */
const without = (table: Table, ...titles: readonly string[]): Table =>
  table.filter(([title]) => !titles.some(end => title.endsWith(` with ${end}`)))

/** Every admin route, with what would have an effect but for the query. */
const unknownQueries: Table = (
  [
    ['GET', '/admin/security/bans', 400],
    ['POST', '/admin/security/bans', 400, { ip: '203.0.113.252' }],
    ['DELETE', '/admin/security/bans', 400, undefined, 'ip=203.0.112.0/24&'],
    ['GET', '/admin/security/bans/203.0.113.253', 400],
    ['DELETE', '/admin/security/bans/203.0.113.253', 400],
    ['GET', '/admin/security/stats', 400],
    ['GET', '/api-keys', 422],
    ['POST', '/api-keys', 422, { name: 'n', owner: 'o' }],
    ['GET', '/api-keys/:key', 422],
    ['PATCH', '/api-keys/:key', 422, { name: 'other' }],
    ['PUT', '/api-keys/:key', 422, { name: 'other' }],
    ['DELETE', '/api-keys/:key', 422],
    ['POST', '/api-keys/:key/rotate', 422],
  ] as const
).map(([method, path, status, body, known = '']) => [
  `${method} ${path}?${known}dryRun=true`,
  {
    as: 'olga',
    method,
    path: `${path}?${known}dryRun=true`,
    ...(body !== undefined && { headers: JSON_TYPE, body: JSON.stringify(body) }),
    status,
    fields: ['dryRun'],
  },
])

const order = (title: string, body: object, fields: readonly string[]): Table[number] => [
  `an order with ${title}`,
  {
    as: 'gus',
    method: 'POST',
    path: '/api/orders',
    headers: JSON_TYPE,
    body: JSON.stringify(body),
    status: 422,
    fields,
  },
]

const orders: Table = [
  ...badBodies('gus', '/api/orders', ['item', 'quantity'], 422),
  order('wrong types', { item: 1, quantity: '2' }, ['item', 'quantity']),
  order('an object as text', { item: { toString: 'x' }, quantity: 1 }, ['item']),
  order('no text', { item: '', quantity: 1 }, ['item']),
  order('a long text', { item: 'x'.repeat(101), quantity: 1 }, ['item']),
  order('a line break', { item: 'a\nb', quantity: 1 }, ['item']),
  order('only spaces', { item: '   ', quantity: 1 }, ['item']),
  order('half a surrogate pair', { item: 'lamp \ud800', quantity: 1 }, ['item']),
  order('a NUL', { item: 'a\u0000b', quantity: 1 }, ['item']),
  ...[0, -1, 1.5, 1001, 1e300, true, null, [1], '1'].map(quantity =>
    order(`the quantity ${JSON.stringify(quantity)}`, { item: 'lamp', quantity }, ['quantity']),
  ),
  order('the fields of the server', { item: 'lamp', quantity: 1, id: UUID, tenant: 'acme', owner: 'ada' }, [
    'id',
    'tenant',
    'owner',
  ]),
  order(
    'more faults than are listed',
    Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, i])),
    [...Array.from({ length: 20 }, (_, i) => `f${i}`)],
  ),
  [
    'an infinite quantity',
    {
      as: 'gus',
      method: 'POST',
      path: '/api/orders',
      headers: JSON_TYPE,
      body: '{"item":"lamp","quantity":1e999}',
      status: 422,
      fields: ['quantity'],
    },
  ],
  [
    'a query where none is read',
    {
      as: 'gus',
      method: 'POST',
      path: '/api/orders?dry=1',
      headers: JSON_TYPE,
      body: '{"item":"lamp","quantity":1}',
      status: 422,
      fields: ['dry'],
    },
  ],
]

const query = (path: string, as: Row['as'], status: number, ...fields: readonly string[]): Table[number] => [
  `GET ${path.length > 100 ? `${path.slice(0, 100)}...` : path}`,
  { as, path, status, ...(fields.length > 0 && { fields }) },
]

const queries: Table = [
  ...['0', '101', '-1', '1.5', '1e1', '', 'ten', '0x10', '9'.repeat(400), '%00', '1%2C2'].map(limit =>
    query(`/api/orders?limit=${limit}`, 'gus', 422, 'limit'),
  ),
  query('/api/orders?limit=1&limit=2', 'gus', 422, 'limit'),
  query('/api/orders?limit[]=1', 'gus', 422, 'limit[]'),
  query('/api/orders?after=x', 'gus', 422, 'after'),
  query(`/api/orders?after=${UUID}`, 'gus', 422, 'after'),
  query('/api/orders?limit=0&after=x&tenant=acme', 'gus', 422, 'tenant', 'limit', 'after'),
  query('/api/orders?__proto__=1', 'gus', 422, '__proto__'),
  query('/api/orders?%ff=1', 'gus', 422, '\ufffd'),
  query(`/api/orders?${'x'.repeat(2000)}=1`, 'gus', 422, `${'x'.repeat(100)}...`),
  query(`/api/orders/${UUID}?fields=tenant`, 'gus', 422, 'fields'),
  ...['-1', '10001', '1.5', '', 'soon', 'NaN', 'Infinity', '1e3'].map(ms =>
    query(`/api/slow?ms=${ms}`, 'gus', 422, 'ms'),
  ),
  query('/api/slow?ms=1&ms=2', 'gus', 422, 'ms'),
  query('/api/slow?seconds=1', 'gus', 422, 'seconds'),
  query('/admin/reports?tenant=acme', 'grace', 422, 'tenant'),
  query('/admin/security/bans?limit=0', 'olga', 400, 'limit'),
  query('/admin/security/bans?limit=501', 'olga', 400, 'limit'),
  query('/admin/security/bans?jail=nope', 'olga', 400, 'jail'),
  query('/admin/security/bans?cursor=zzz', 'olga', 400, 'cursor'),
  query('/admin/security/bans?page=1', 'olga', 400, 'page'),
  query('/admin/security/stats?x=1', 'olga', 400, 'x'),
  query('/api-keys?limit=0', 'olga', 422, 'limit'),
  query('/api-keys?limit=201', 'olga', 422, 'limit'),
  query('/api-keys?cursor=x', 'olga', 422, 'cursor'),
  query('/api-keys?owner=', 'olga', 422, 'owner'),
  query('/api-keys?q=1', 'olga', 422, 'q'),
]

const ids: Table = [
  ...['x', '1', UUID.toUpperCase().replace('4', 'A'), `${UUID}0`, "'%20or%20'1'='1", 'x'.repeat(5000)].map(
    id => query(`/api/orders/${id}`, 'gus', 404, 'id'),
  ),
  // Ambiguous or broken: refused before any router reads it.
  ...['%00', '%2e%2e', '..', '.', '%2fetc%2fpasswd', '%E0%A4%A', '%', '%61', '\\', '/x'].map(id =>
    query(`/api/orders/${id}`, 'gus', 400),
  ),
  query('/admin/security/bans/nobody', 'olga', 400, 'ip'),
  query('/admin/security/bans/1.2.3', 'olga', 400, 'ip'),
  query('/admin/security/bans/203.0.113.1%2F24', 'olga', 400),
  query('/admin/security/bans?ip=203.0.113.1/24', 'olga', 400, 'ip'),
  query('/admin/security/bans?ip=', 'olga', 400, 'ip'),
  query('/admin/security/bans/203.0.113.250', 'olga', 404),
  query('/admin/security/bans/%ff', 'olga', 400),
  query('/api-keys/nope', 'olga', 422, 'id'),
  query(`/api-keys/${NO_KEY}`, 'olga', 404),
  query('/api-keys/%ff', 'olga', 400),
]

const ban = (title: string, body: object, ...fields: readonly string[]): Table[number] => [
  `a ban with ${title}`,
  {
    as: 'olga',
    method: 'POST',
    path: '/admin/security/bans',
    headers: JSON_TYPE,
    body: JSON.stringify(body),
    status: fields.length === 0 ? 409 : 400,
    ...(fields.length > 0 && { fields }),
  },
]

const ip = '203.0.113.251'
const bans: Table = [
  ...badBodies('olga', '/admin/security/bans', ['ip'], 400),
  ban(
    'everything wrong',
    { ip: 1, reason: '', duration: 'long', jail: 'x', force: 'yes', until: 0 },
    'until',
    'ip',
    'reason',
    'duration',
    'jail',
    'force',
  ),
  ban('no address', { ip: 'localhost' }, 'ip'),
  ban('a network with host bits', { ip: '203.0.113.1/24' }, 'ip'),
  ...['0s', '-1s', -2, 0, 1.5, [], 'Infinity'].map(duration =>
    ban(`the duration ${JSON.stringify(duration)}`, { ip, duration }, 'duration'),
  ),
  ban('a reason of two lines', { ip, reason: 'a\nb' }, 'reason'),
  ban('a reason that is too long', { ip, reason: 'x'.repeat(501) }, 'reason'),
  ban('half the world', { ip: '0.0.0.0/1' }),
  ban('this machine', { ip: '127.0.0.1' }),
  [
    'the end of a ban that is none',
    { as: 'olga', method: 'DELETE', path: `/admin/security/bans/${ip}`, status: 404 },
  ],
  [
    'the end of a ban of nothing',
    { as: 'olga', method: 'DELETE', path: '/admin/security/bans/x', status: 400, fields: ['ip'] },
  ],
  [
    'the end of a ban that is not named',
    { as: 'olga', method: 'DELETE', path: '/admin/security/bans', status: 400, fields: ['ip'] },
  ],
  [
    'the end of a ban of a network that is none',
    { as: 'olga', method: 'DELETE', path: '/admin/security/bans?ip=203.0.113.0/24', status: 404 },
  ],
]

const key = (title: string, body: object, ...fields: readonly string[]): Table[number] => [
  `a key with ${title}`,
  {
    as: 'olga',
    method: 'POST',
    path: '/api-keys',
    headers: JSON_TYPE,
    body: JSON.stringify({ name: 'n', owner: 'o', ...body }),
    status: 422,
    fields,
  },
]

const keys: Table = [
  ...badBodies('olga', '/api-keys', ['name', 'owner'], 422),
  key('wrong types', { name: 1, owner: [], tenant: {}, scopes: 'all' }, 'name', 'owner', 'tenant', 'scopes'),
  key('no scope', { scopes: ['a b'] }, 'scopes[0]'),
  key('no network', { allowedCidrs: ['10.0.0.0/33'] }, 'allowedCidrs[0]'),
  key('an end that is past', { expiresAt: '2001-01-01T00:00:00Z' }, 'expiresAt'),
  key('an end that is none', { expiresAt: 'tomorrow' }, 'expiresAt'),
  key('an absurd quota', { quota: { limit: -1, window: '1d' } }, 'quota.limit'),
  key('half a limit', { rateLimit: { limit: 1 } }, 'rateLimit.window'),
  key('hours that are none', { windows: [{ from: '25:00', to: '26:00' }] }, 'windows[0].from'),
  key('a secret of its own', { key: 'demo_mine', hash: 'x' }, 'key', 'hash'),
  [
    'a change of a key that is none',
    {
      as: 'olga',
      method: 'PATCH',
      path: `/api-keys/${NO_KEY}`,
      headers: JSON_TYPE,
      body: '{"name":"x"}',
      status: 404,
    },
  ],
  [
    'a change of what cannot be changed',
    {
      as: 'olga',
      method: 'PATCH',
      path: `/api-keys/${NO_KEY}`,
      headers: JSON_TYPE,
      body: '{"owner":"x","scopes":1}',
      status: 422,
      fields: ['owner', 'scopes'],
    },
  ],
  [
    'a rotation with an absurd overlap',
    {
      as: 'olga',
      method: 'POST',
      path: `/api-keys/${NO_KEY}/rotate`,
      headers: JSON_TYPE,
      body: '{"overlap":"1000y"}',
      status: 422,
      fields: ['overlap'],
    },
  ],
  [
    'the end of a key that is none',
    { as: 'olga', method: 'DELETE', path: `/api-keys/${NO_KEY}`, status: 404 },
  ],
]

/** Of a key that is there. */
const changes: Table = [
  ...without(badBodies('olga', '/api-keys/:key', [], 422, 'PATCH'), 'nothing in it'),
  ...without(badBodies('olga', '/api-keys/:key/rotate', [], 422), 'neither body nor type', 'nothing in it'),
]

const others: Table = [
  ...['/public/hello', '/demo/credentials', '/api/slow', '/api/boom', '/admin/reports'].map(
    path => [`POST ${path}`, { as: 'grace', method: 'POST', path, status: 404 }] as const,
  ),
  ...['/health', '/health/live', '/ready'].map(
    path => [`DELETE ${path}`, { as: undefined, method: 'DELETE', path, status: 405 }] as const,
  ),
  // Callers without access get 403 for every method.
  ...['/metrics', '/metrics.json'].map(
    path => [`DELETE ${path}`, { as: undefined, method: 'DELETE', path, status: 403 }] as const,
  ),
  ['DELETE all orders', { as: 'grace', method: 'DELETE', path: '/api/orders', status: 404 }],
  ['PUT all bans', { as: 'olga', method: 'PUT', path: '/admin/security/bans', status: 405 }],
  ['POST the statistics', { as: 'olga', method: 'POST', path: '/admin/security/stats', status: 405 }],
  ['a method of nobody', { as: 'gus', method: 'PROPFIND', path: '/api/orders', status: 404 }],
  ['two credentials', { as: 'gus', path: '/api/orders', headers: { 'X-API-Key': 'x' }, status: 400 }],
  [
    'a malformed token',
    { as: undefined, path: '/api/orders', headers: { Authorization: 'Bearer a b' }, status: 400 },
  ],
  [
    'half a password',
    { as: undefined, path: '/api/orders', headers: { Authorization: 'Basic ???' }, status: 401 },
  ],
  [
    'a key that is none',
    { as: undefined, path: '/api/orders', headers: { 'X-API-Key': 'x'.repeat(5000) }, status: 401 },
  ],
  [
    'no credentials, and a body',
    { as: undefined, method: 'POST', path: '/api/orders', headers: JSON_TYPE, body: '{', status: 401 },
  ],
]

describe.each(HOSTS)('bad input to the demo on %s', framework => {
  let demo: Demo
  let before: string
  let client = 0
  /** Of a key that is there, and is `:key` in paths. */
  let key: string
  beforeAll(async () => {
    demo = await startDemo(framework)
    const { body } = await demo.ask('/api-keys', { headers: demo.bearer('olga') })
    key = (body['data'] as { id: string }[])[0]?.id as string
    for (const ip of ['203.0.113.253', '203.0.112.0/24']) await demo.wall.bans.ban(ip)
    before = await state()
  })
  afterAll(() => demo.close())

  /** All that a request could have changed. */
  async function state(): Promise<string> {
    const answers = await Promise.all([
      ...['ada', 'grace'].map(name => demo.ask('/api/orders?limit=100', { headers: demo.bearer(name) })),
      ...['/admin/security/bans', '/api-keys'].map(path => demo.ask(path, { headers: demo.bearer('olga') })),
    ])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    return answers.map(({ text }) => text).join('\n')
  }

  describe.each([
    ['orders', orders],
    ['queries', queries],
    ['ids', ids],
    ['bans', bans],
    ['keys', keys],
    ['changes of keys', changes],
    ['unknown queries', unknownQueries],
    ['anything else', others],
  ] as const)('%s', (_area, table) => {
    // What is no URL the Node server of Hono refuses itself, with 400 and nothing else.
    const reached = table.filter(([, { path }]) => framework !== 'hono' || !path.includes('\\'))

    it.each(reached)('%s is refused by name', async (_title, { as, status, fields, headers, ...request }) => {
      client++
      const answer = await raw(demo.origin, {
        ...request,
        path: request.path.replace(':key', key),
        headers: {
          ...headers,
          ...(as && demo.bearer(as)),
          'X-Forwarded-For': `198.51.${client >> 8}.${client & 255}`,
        },
      })
      expect([answer.status, answer.text]).toEqual([status, expect.any(String)])
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
      const { error } = JSON.parse(answer.text) as {
        error: {
          code: string
          message: string
          request_id: string
          details?: { fields?: { field: string; message: string }[] }
        }
      }
      expect(error).toMatchObject({
        code: expect.stringMatching(/^[A-Z_]+$/),
        message: expect.any(String),
        request_id: answer.headers['x-request-id'] ?? expect.any(String),
      })
      expect(answer.text).not.toMatch(/\bat \S+ \(|node_modules|select |SQLITE/i)
      if (fields !== undefined) expect(error.details?.fields?.map(({ field }) => field)).toEqual(fields)
    })
  })

  it('has changed nothing, and failed nowhere', async () => {
    expect(await state()).toBe(before)
    const { text } = await demo.ask('/metrics', { from: '10.0.0.9' })
    expect(text).not.toMatch(/^http_requests_total\{.*status="5/m)
  })
})
