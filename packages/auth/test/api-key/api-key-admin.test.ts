import { ConfigError, pipeline } from '@palisade/core'
import { fakeClock, type InjectedRequest, inject } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import { apiKey, apiKeyAdmin, apiKeys, authenticate } from '../../src/index.js'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

function setUp(authorize: () => boolean = () => true) {
  const clock = fakeClock()
  const keys = apiKeys({ clock })
  const edge = pipeline({ clock, logger: silent }).use(apiKeyAdmin(keys, { path: '/api-keys', authorize }))
  const told: unknown[] = []
  edge.events.on('resource:*', (payload, name) => told.push([name, payload.resource, payload.id]))
  const call = async (method: string, url: string, body?: unknown, more: InjectedRequest = {}) => {
    const sent =
      body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const response = await inject(edge, { method, url: `/api-keys${url}`, ...sent, ...more })
    return { ...response, data: (response.json() as { data: Record<string, unknown> }).data }
  }
  return { clock, keys, call, told }
}

const KEY = { name: 'Mobile app', owner: 'u42', scopes: ['read'] }
const faults = (response: { json(): unknown }) =>
  (response.json() as { error: { details: { fields: { field: string }[] } } }).error.details.fields.map(
    ({ field }) => field,
  )

test('a key can be made, read, listed, changed, rotated and revoked, and its secret is shown twice: when it is made and when it is new', async () => {
  const { call, told } = setUp()
  const made = await call('POST', '', {
    ...KEY,
    windows: [{ from: '08:00', to: '18:00', zone: 'Europe/Berlin' }],
    quota: { limit: 10, window: '1h' },
  })
  expect([made.status, made.headers['cache-control']]).toEqual([201, 'no-store'])
  expect(made.data).toMatchObject({
    ...KEY,
    key: expect.stringMatching(/^pk_/),
    quota: { limit: 10, window: 3_600_000 },
  })
  const id = made.data['id'] as string
  expect(made.headers['location']).toBe(`/api-keys/${id}`)
  const secret = (made.data['key'] as string).slice(-49)
  const shown = [await call('GET', `/${id}`), await call('GET', ''), await call('HEAD', `/${id}`)]
  expect(shown.map(({ status }) => status)).toEqual([200, 200, 200])
  const changed = await call('PATCH', `/${id}`, { scopes: ['read', 'write'], quota: null })
  expect(changed.data).toMatchObject({ scopes: ['read', 'write'], name: 'Mobile app' })
  expect(changed.data).not.toHaveProperty('quota')
  expect((await call('PUT', `/${id}`, { disabled: true })).data['disabled']).toBe(true)
  for (const { body } of [...shown, changed]) expect(body).not.toMatch(new RegExp(`${secret}|hash|sha256`))
  const rotated = await call('POST', `/${id}/rotate`, { overlap: '1h' })
  expect(rotated.data['key']).not.toBe(made.data['key'])
  expect((await call('POST', `/${id}/rotate`)).status).toBe(200)
  expect((await call('DELETE', `/${id}`)).data).toEqual({ id, revoked: true })
  for (const [method, path, body] of [
    ['DELETE', ''],
    ['PATCH', '', {}],
    ['POST', '/rotate'],
  ] as const)
    expect((await call(method, `/${id}${path}`, body)).status).toBe(404)
  expect(told).toEqual([
    ['resource:created', 'api-key', id],
    ['resource:updated', 'api-key', id],
    ['resource:updated', 'api-key', id],
    ['resource:updated', 'api-key', id],
    ['resource:updated', 'api-key', id],
    ['resource:deleted', 'api-key', id],
  ])
})

test('a list comes in pages', async () => {
  const { call, keys, clock } = setUp()
  for (const name of ['a', 'b', 'c']) {
    clock.advance(1)
    await keys.create({ ...KEY, name })
  }
  const first = await call('GET', '?limit=2')
  const { meta } = first.json() as { meta: { count: number; nextCursor: string } }
  expect(meta).toEqual({ count: 2, nextCursor: expect.stringMatching(/^\w{16}$/) })
  const second = await call('GET', `?limit=2&cursor=${meta.nextCursor}`)
  expect(second.json()).toMatchObject({ data: [{ name: 'c' }], meta: { count: 1, nextCursor: null } })
  expect((await call('GET', '?owner=nobody')).data).toEqual([])
})

test('a description is made, shown, listed, changed, kept by other changes and taken away', async () => {
  const { call } = setUp()
  const description = 'x'.repeat(500)
  const made = await call('POST', '', { ...KEY, description })
  const { id } = made.data as { id: string }
  const shown = async () => ((await call('GET', `/${id}`)).data as { description?: string }).description
  expect([made.status, await shown()]).toEqual([201, description])
  await call('PATCH', `/${id}`, { description: 'Nightly – Übertrag 日本' })
  await call('PATCH', `/${id}`, { name: 'Other' })
  await call('POST', `/${id}/rotate`)
  const listed = (await call('GET', '')).data as unknown as readonly { description?: string }[]
  expect([await shown(), listed[0]?.description]).toEqual(Array(2).fill('Nightly – Übertrag 日本'))
  await call('PATCH', `/${id}`, { description: null })
  expect(await shown()).toBeUndefined()
})

describe('what is wrong is told by field', () => {
  test.each([
    [{}, ['name', 'owner']],
    [{ ...KEY, admin: true, scope: 'x' }, ['admin', 'scope']],
    [{ ...KEY, name: ' x' }, ['name']],
    [{ ...KEY, name: 'a\u0000b' }, ['name']],
    [{ ...KEY, name: 'a\u202eb' }, ['name']],
    [{ ...KEY, name: 'x'.repeat(101) }, ['name']],
    [{ ...KEY, description: '' }, ['description']],
    [{ ...KEY, description: 7 }, ['description']],
    [{ ...KEY, description: 'one\ntwo' }, ['description']],
    [{ ...KEY, description: 'a\u202eb' }, ['description']],
    [{ ...KEY, description: 'x'.repeat(501) }, ['description']],
    [{ ...KEY, owner: '' }, ['owner']],
    [{ ...KEY, scopes: 'read' }, ['scopes']],
    [{ ...KEY, scopes: ['read', 'wri te'] }, ['scopes[1]']],
    [{ ...KEY, allowedCidrs: [] }, ['allowedCidrs']],
    [{ ...KEY, allowedCidrs: ['10.0.0.0/8', '10.0.0.1/8'] }, ['allowedCidrs[1]']],
    [{ ...KEY, allowedCidrs: ['010.0.0.1'] }, ['allowedCidrs[0]']],
    [{ ...KEY, windows: [{ from: '8:00', to: '18:00' }] }, ['windows[0].from']],
    [{ ...KEY, windows: [{ from: '08:00', to: '18:00', zone: 'Mars/Base' }] }, ['windows[0].zone']],
    [{ ...KEY, windows: [{ from: '08:00', to: '18:00', days: ['monday'] }] }, ['windows[0].days[0]']],
    [{ ...KEY, expiresAt: '2030-01-01' }, ['expiresAt']],
    [{ ...KEY, expiresAt: 'tomorrow' }, ['expiresAt']],
    [{ ...KEY, expiresAt: 1000 }, ['expiresAt']],
    [{ ...KEY, expiresAt: '2030-01-01T00:00:00Z', notBefore: '2031-01-01T00:00:00Z' }, ['expiresAt']],
    [{ ...KEY, quota: { limit: 0, window: '1h' } }, ['quota.limit']],
    [{ ...KEY, quota: { limit: 1 } }, ['quota.window']],
    [{ ...KEY, rateLimit: { limit: 1, window: '1h' } }, ['rateLimit']],
    [{ ...KEY, rateLimit: true }, ['rateLimit']],
    [{ ...KEY, rateLimit: null }, ['rateLimit']],
    [{ ...KEY, rateLimit: { limit: 1 } }, ['rateLimit.window']],
    [{ ...KEY, id: 'mine' }, ['id']],
    [[], ['']],
  ])('POST %j is refused for %j', async (body, fields) => {
    const { call, keys } = setUp()
    const response = await call('POST', '', body)
    expect([response.status, faults(response)]).toEqual([422, fields])
    expect((await keys.list()).keys).toEqual([])
  })

  test.each([
    [{ owner: 'root' }, 'owner'],
    [{ name: null }, 'name'],
    [{ scopes: null }, 'scopes'],
    [{ revokedAt: null }, 'revokedAt'],
    [{ hash: 'sha256:x' }, 'hash'],
    [{ disabled: 'no' }, 'disabled'],
  ])('PATCH %j is refused for %s', async (body, field) => {
    const { call, keys } = setUp()
    const { record } = await keys.create(KEY)
    expect(faults(await call('PATCH', `/${record.id}`, body))).toEqual([field])
    expect(await keys.get(record.id)).toEqual(record)
  })

  test.each(['?limit=0', '?limit=201', '?cursor=x', '?page=2', '?limit=1&limit=1'])(
    'GET %s is refused',
    async query => {
      expect((await setUp().call('GET', query)).status).toBe(422)
    },
  )

  test('a rotation with another field, or with a body of another type, is refused', async () => {
    const { call, keys } = setUp()
    const { record } = await keys.create(KEY)
    expect((await call('POST', `/${record.id}/rotate`, { overlapp: '1h' })).status).toBe(422)
    expect(
      (
        await call('POST', `/${record.id}/rotate`, undefined, {
          headers: { 'content-type': 'text/plain' },
          body: '{}',
        })
      ).status,
    ).toBe(415)
  })
})

const EACH = [
  ['GET', ''],
  ['PATCH', '', {}],
  ['PUT', '', {}],
  ['DELETE', ''],
  ['POST', '/rotate'],
] as const

test.each(EACH)('%s of a key that is not there is a 404 (%s)', async (method, rest, body?: object) => {
  const { call, told } = setUp()
  expect((await call(method, `/0000000000000000${rest}`, body)).status).toBe(404)
  expect(told).toEqual([])
})

// As an invalid address in the admin API of bans.
describe.each(['nobody', '__proto__', '0000000000000000x', '000000000000000%20', '..%2F0000000000000'])(
  'the id %s, which is none,',
  id => {
    test.each(EACH)('is a faulty field of %s', async (method, rest, body?: object) => {
      const response = await setUp().call(method, `/${id}${rest}`, body)
      expect([response.status, faults(response)]).toEqual([422, ['id']])
      expect(response.json()).toMatchObject({ error: { code: 'VALIDATION_ERROR' } })
    })
  },
)

test('faulty fields of a body, of a query and of a path are one answer, and what is no JSON is another', async () => {
  const { call } = setUp()
  const answers = [
    await call('POST', '', {}),
    await call('GET', '?limit=0'),
    await call('GET', '/nobody'),
    await call('POST', '', undefined, { headers: { 'content-type': 'application/json' }, body: '{' }),
  ]
  expect(
    answers.map(response => [response.status, (response.json() as { error: { code: string } }).error.code]),
  ).toEqual([
    [422, 'VALIDATION_ERROR'],
    [422, 'VALIDATION_ERROR'],
    [422, 'VALIDATION_ERROR'],
    [400, 'BAD_REQUEST'],
  ])
})

test('another method is a 405, a foreign body a 415, a broken one a 400', async () => {
  const { call } = setUp()
  const put = await call('PUT', '', KEY)
  expect([put.status, put.headers['allow']]).toEqual([405, 'GET, HEAD, POST'])
  const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'name=x' }
  expect((await call('POST', '', undefined, form)).status).toBe(415)
  expect(
    (await call('POST', '', undefined, { headers: { 'content-type': 'application/json' }, body: '{' }))
      .status,
  ).toBe(400)
  expect((await call('POST', '', { ...KEY, name: 'x'.repeat(70_000) })).status).toBe(413)
})

test('without the right nothing happens and nothing is told', async () => {
  const { call, keys, told } = setUp(() => false)
  const { record } = await keys.create(KEY)
  for (const [method, path, body] of [
    ['GET', ''],
    ['POST', '', KEY],
    ['DELETE', `/${record.id}`],
    ['POST', `/${record.id}/rotate`],
  ] as const) {
    const response = await call(method, path, body)
    expect([response.status, response.body.includes('Mobile')]).toEqual([403, false])
  }
  expect([(await keys.list()).keys.length, (await keys.get(record.id))?.revokedAt, told]).toEqual([
    1,
    undefined,
    [],
  ])
})

test('behind authentication a key with the right manages keys', async () => {
  const keys = apiKeys()
  const edge = pipeline({ logger: silent })
    .use(authenticate({ strategies: [apiKey({ keys })] }))
    .use(
      apiKeyAdmin(keys, {
        path: '/api-keys',
        authorize: (ctx: { state: { identity: { scopes: ReadonlySet<string> } } }) =>
          ctx.state.identity.scopes.has('keys:admin'),
      }),
    )
  const admin = await keys.create({ ...KEY, scopes: ['keys:admin'] })
  const user = await keys.create(KEY)
  const get = (key: string) => inject(edge, { url: '/api-keys', headers: { 'x-api-key': key } })
  expect([(await get(admin.key)).status, (await get(user.key)).status]).toEqual([200, 403])
})

test('keys that are none are a ConfigError', () => {
  expect(() => apiKeyAdmin({} as never, { path: '/x', authorize: () => true })).toThrow(ConfigError)
  expect(() => apiKeyAdmin(apiKeys(), { path: '/x' } as never)).toThrow('authorize')
})
