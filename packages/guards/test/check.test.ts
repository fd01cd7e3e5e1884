import { type Middleware, Reply, RequestError } from '@palisade/core'
import { isPromise } from '@palisade/core/middleware'
import { inject } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import {
  anyOf,
  check,
  ensure,
  guard,
  permissions,
  recordGuard,
  requireOwnership,
  requireRole,
  requireScopes,
  requireTenant,
} from '../src/index.js'
import { edgeOf, identity } from './support/callers.js'

const sameId: Middleware = {
  name: 'id',
  onRequest(ctx) {
    ctx.requestId = 'same'
  },
}

const ada = { identity: identity({ scopes: ['read'] }) }

describe('given check when there is no HTTP at all', () => {
  test('then an identity is enough for row and scope guards', () => {
    expect(check(requireScopes('read'), ada)).toEqual({ allow: true })
    expect(check(requireOwnership(), ada, { ownerId: 'ada' })).toEqual({ allow: true })
    expect(check(requireOwnership(), ada, { ownerId: 'bob' })).toMatchObject({ allow: false, status: 403 })
  })

  test('then a plain function is asked in the same way', async () => {
    expect(
      check(
        ({ state }: { state: { identity: { subject: string } } }) => state.identity.subject === 'ada',
        ada,
      ),
    ).toEqual({ allow: true })
    expect(await check(async () => false, ada)).toMatchObject({ allow: false, status: 403 })
  })

  test('then a promise is made only when the guard waits', () => {
    expect(isPromise(check(requireScopes('read'), ada))).toBe(false)
    expect(isPromise(check(async () => true, ada))).toBe(true)
  })

  test('then a guard that fails throws, or rejects, and answers nothing', async () => {
    const down = () => {
      throw new Error('down')
    }
    expect(() => check(down, ada)).toThrow('down')
    await expect(check(async () => down(), ada)).rejects.toThrow('down')
    expect(() => check((() => 1) as unknown as () => boolean, ada)).toThrow(TypeError)
  })
})

describe('given check inside a handler when', () => {
  const asks = (record: { ownerId: string } | undefined) =>
    inject(edgeOf(), {
      handler: async ctx => {
        const decision = await check(requireOwnership(), ctx as never, record)
        return new Reply(decision.allow ? 200 : decision.status)
      },
    })

  test.each([
    ["the record is the caller's", { ownerId: 'ada' }, 200],
    ["the record is somebody else's", { ownerId: 'bob' }, 403],
    ['the record does not exist', undefined, 404],
  ])('%s', async (_, record, status) => {
    expect((await asks(record)).status).toBe(status)
  })
})

describe('given ensure when the guard', () => {
  test('allows then nothing is thrown', async () => {
    expect(ensure(requireScopes('read'), ada)).toBeUndefined()
    await expect(ensure(async () => true, ada)).resolves.toBeUndefined()
  })

  test('refuses then the error says what the decision says, and keeps the reason', () => {
    const thrown = (() => {
      try {
        return ensure(requireRole('admin'), ada)
      } catch (error) {
        return error
      }
    })()
    expect(thrown).toBeInstanceOf(RequestError)
    expect(thrown).toMatchObject({
      status: 403,
      code: 'FORBIDDEN',
      message: 'Access denied',
      reason: 'the roles lack any of: admin',
    })
  })

  test('refuses later then it rejects', async () => {
    await expect(ensure(async () => false, ada)).rejects.toMatchObject({ status: 403 })
  })

  test('refuses in a handler then the answer is that of the guard in front of it, to the byte', async () => {
    const behind = await inject(edgeOf(), {
      handler: ctx => {
        ctx.requestId = 'same'
        ensure(requireScopes('a', 'b'), ctx as never)
        throw new Error('unreachable')
      },
    })
    const edge = edgeOf().use(sameId)
    const inFront = await inject(edge.use(guard(requireScopes('a', 'b'))))
    expect(behind).toMatchObject({ status: 403, body: inFront.body, headers: inFront.headers })
    expect(behind.headers['www-authenticate']).toContain('scope="a b"')
  })

  test('decides on a record then it may hide it', () => {
    const hidden = recordGuard('hidden', (_, record: { open: boolean }) => record.open, { conceal: true })
    expect(() => ensure(hidden, ada, { open: false })).toThrow('The requested resource was not found')
    expect(() => ensure(hidden, ada, undefined)).toThrow('The requested resource was not found')
  })
})

describe('given a guard that conceals when a record is absent or hidden then the answers are the same to the byte', () => {
  const records: Readonly<Record<string, { ownerId: string; tenantId: string }>> = {
    '/hidden': { ownerId: 'bob', tenantId: 'globex' },
  }

  const load = (ctx: { path: string }) => records[ctx.path]
  const no = () => false
  const concealing = {
    requireOwnership: requireOwnership({ load, conceal: true }),
    requireTenant: requireTenant({ load, conceal: true }),
    recordGuard: recordGuard('mine', no, { load, conceal: true }),
    permissions: permissions({ resource: ctx => `records:${ctx.path.slice(1)}`, grants: [], conceal: true }),
    'any of them': anyOf(requireOwnership({ load, conceal: true }), requireRole('admin')),
  }
  const asked = Object.entries(concealing).flatMap(([name, one]) =>
    ['/hidden', '/absent'].map(url => [name, url, one] as const),
  )

  test.each(asked)('%s of %s', async (_, url, one) => {
    const edge = edgeOf(identity({ tenant: 'acme' }))
      .use(sameId)
      .use(guard(one))
    const { status, headers, body } = await inject(edge, { url })
    expect({ status, headers, body: JSON.parse(body) }).toEqual({
      status: 404,
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: {
        error: {
          code: 'NOT_FOUND',
          message: 'The requested resource was not found',
          timestamp: '2023-11-14T22:13:20.000Z',
          request_id: 'same',
        },
      },
    })
  })
})
