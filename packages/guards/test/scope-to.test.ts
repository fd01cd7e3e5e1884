import { inject } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import { type LooseFilter, scopeTo } from '../src/index.js'
import { edgeOf, identity, type Logged } from './support/callers.js'

const acme = identity({ tenant: 'acme' })

describe('given scopeTo when the caller has what rows are filtered by', () => {
  test('then the handler gets the filter, frozen', async () => {
    const { state } = await inject(
      edgeOf(acme).use(scopeTo(ctx => ({ tenantId: ctx.state.identity.tenant }))),
    )
    expect(state.filter).toEqual({ tenantId: 'acme' })
    expect(Object.isFrozen(state.filter)).toBe(true)
  })

  test('then also later, under a name of the team', async () => {
    const filterOf = async () => ({ region: ['eu', 'us'], open: true, level: 3 })
    const { state } = await inject(edgeOf(acme).use(scopeTo(filterOf, { as: 'rows' })))
    expect(state.rows).toEqual({ region: ['eu', 'us'], open: true, level: 3 })
  })

  test('then also from a thenable that is late and returns nothing from then()', async () => {
    const late = {
      then: (done: (filter: LooseFilter) => void) => void setImmediate(done, { tenantId: 'acme' }),
    }
    const seen: unknown[] = []
    const edge = edgeOf(acme)
      .use(scopeTo(() => late as unknown as LooseFilter))
      .use({ name: 'behind', onRequest: ctx => void seen.push((ctx.state as { filter?: unknown }).filter) })
    await inject(edge)
    expect(seen).toEqual([{ tenantId: 'acme' }])
  })

  test('then __proto__ is a column like another', async () => {
    const { state } = await inject(
      edgeOf(acme).use(scopeTo(() => JSON.parse('{"__proto__":"x"}') as { a: string })),
    )
    expect(Object.keys(state.filter)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(state.filter)).toBe(Object.prototype)
  })
})

describe('given scopeTo when something is absent then the handler does not run', () => {
  const absent: readonly [string, unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['an empty filter', {}],
    ['an absent value', { tenantId: undefined }],
    ['a null', { tenantId: null }],
    ['an empty text', { tenantId: '' }],
    ['an empty list', { tenantId: [] }],
    ['a list with a hole', { tenantId: Object.assign(['a'], { length: 2 }) }],
    ['a list of nothing but holes', { tenantId: new Array(2) }],
    [
      'an absent value beside a promise that rejects',
      () => ({ tenantId: undefined, region: Promise.reject(new Error('down')) }),
    ],
    ['a list with an empty text', { tenantId: ['a', ''] }],
    ['one value of two', { tenantId: 'acme', region: undefined }],
    ['nothing later', Promise.resolve(undefined)],
  ]
  test.each(absent)('%s', async (_, filter) => {
    const filterOf = typeof filter === 'function' ? filter : () => filter
    const edge = edgeOf(acme).use(scopeTo(filterOf as () => LooseFilter))
    expect(await inject(edge)).toMatchObject({ status: 403, passed: false })
    // An unhandled rejection would end the process, and fails this run.
    await new Promise(resolve => setImmediate(resolve))
  })

  test('an identity', async () => {
    const answered = await inject(edgeOf(null).use(scopeTo(ctx => ({ tenantId: ctx.state.identity.tenant }))))
    expect(answered).toMatchObject({
      status: 401,
      passed: false,
      headers: { 'www-authenticate': 'Bearer realm="api"' },
    })
  })
})

describe('given scopeTo when a value could be read as an operator then it is an error', () => {
  test.each([
    ['an object of a claim', { tenantId: { $ne: null } }],
    ['a list with an object', { tenantId: [{ $gt: '' }] }],
    ['a list in a list', { tenantId: [['a']] }],
    ['no number', { level: Number.NaN }],
    ['a function', { tenantId: () => 'acme' }],
    ['a list instead of a filter', ['acme']],
    ['text instead of a filter', 'acme'],
    ['a filter in a promise in a filter', { tenantId: Promise.resolve('acme') }],
    ['a promise in a filter that rejects', () => ({ tenantId: Promise.reject(new Error('down')) })],
    ['a promise in a list that rejects', () => ({ tenantId: ['a', Promise.reject(new Error('down'))] })],
  ])('%s', async (_, filter) => {
    const logged: Logged[] = []
    const filterOf = typeof filter === 'function' ? filter : () => filter
    const edge = edgeOf(acme, { logged }).use(scopeTo(filterOf as unknown as () => LooseFilter))
    expect(await inject(edge)).toMatchObject({ status: 500, passed: false })
    // An unhandled rejection would end the process, and fails this run.
    await new Promise(resolve => setImmediate(resolve))
    expect(logged).toMatchObject([{ level: 'error', error: expect.any(TypeError) }])
  })
})
