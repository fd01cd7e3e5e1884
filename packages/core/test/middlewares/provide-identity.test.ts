import { describe, expect, it } from 'vitest'
import { type Identity, pipeline, provideIdentity } from '../../src/index.js'
import { inject } from '../../src/testing.js'
import { BareContext } from '../support/bare-context.js'
import { memoryLogger } from '../support/memory-logger.js'

const identity: Identity = {
  subject: 'u1',
  method: 'test',
  scopes: new Set(['a']),
  roles: new Set(),
  claims: {},
}
const run = (find: () => unknown) =>
  inject(pipeline({ logger: memoryLogger() }).use(provideIdentity(find as () => Identity)))

describe('provideIdentity', () => {
  it.each([
    ['now', () => identity],
    ['later', async () => identity],
  ])('given a function that finds it %s, when a request comes, then it is in state', async (_, find) => {
    const { state, status } = await run(find)
    expect([status, state.identity]).toEqual([200, identity])
  })

  it.each([
    ['undefined', () => undefined],
    ['null', () => null],
    ['nobody later', async () => null],
  ])(
    'given a function that finds %s, when a request comes, then it goes on without an identity',
    async (_, find) => {
      const { state, status } = await run(find)
      expect([status, state.identity]).toEqual([200, undefined])
    },
  )

  it.each([
    [
      'throws',
      () => {
        throw new Error('session store down')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('session store down')
      },
    ],
    ['returns false', () => false],
    ['returns a name', () => 'u1'],
    ['returns no scopes', () => ({ ...identity, scopes: undefined })],
    ['returns scopes as a list', () => ({ ...identity, scopes: ['a'] })],
    ['returns an empty subject', () => ({ ...identity, subject: '' })],
    ['returns no claims', () => ({ ...identity, claims: undefined })],
    ['returns a tenant that is none', () => ({ ...identity, tenant: { $ne: null } })],
    ['returns permissions as a text', () => ({ ...identity, permissions: 'orders:read' })],
    ['returns no time as its end', () => ({ ...identity, expiresAt: Number.NaN })],
    ['returns a date as its end', () => ({ ...identity, expiresAt: new Date(0) })],
    ['returns sets of another kind', () => ({ ...identity, roles: { has: () => true } })],
    ['returns a numeric subject later', async () => ({ ...identity, subject: 1 })],
  ])('given a function that %s, when a request comes, then it is refused with 500', async (_, find) => {
    const { status, passed } = await run(find)
    expect([status, passed]).toEqual([500, false])
  })

  it('given all that an identity may say, when a request comes, then it is believed', async () => {
    const whole = { ...identity, tenant: 'acme', permissions: ['orders:read'], expiresAt: 5 }
    expect((await run(() => whole)).state.identity).toBe(whole)
    const absent = { ...identity, tenant: undefined, permissions: undefined, expiresAt: undefined }
    expect((await run(() => absent)).state.identity).toBe(absent)
  })

  it('given a thenable that answers late and returns nothing from then(), when a request comes, then it is waited for', async () => {
    const late = { then: (done: (found: unknown) => void) => void setImmediate(done, identity) }
    const seen: unknown[] = []
    const edge = pipeline()
      .use(provideIdentity(() => late as unknown as Identity))
      .use({
        name: 'behind',
        onRequest: ctx => void seen.push((ctx.state as { identity?: Identity }).identity),
      })
    await inject(edge)
    expect(seen).toEqual([identity])
  })

  it('given a synchronous function, when it runs, then no promise is made', () => {
    const compiled = pipeline()
      .use(provideIdentity(() => identity))
      .compile()
    expect(compiled.run(new BareContext(compiled))).toBeUndefined()
  })

  it('given no function, when it is built, then it is refused', () => {
    expect(() => provideIdentity(identity as unknown as () => Identity)).toThrow(
      'provideIdentity: option "find"',
    )
  })
})
