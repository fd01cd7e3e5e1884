import { describe, expect, it } from 'vitest'
import { pipeline, type RequestIdOptions, requestId } from '../../src/index.js'
import { inject } from '../../src/testing.js'
import { BareContext } from '../support/bare-context.js'
import { memoryLogger } from '../support/memory-logger.js'

const run = (options: RequestIdOptions = {}, headers: Record<string, string | string[]> = {}) =>
  inject(pipeline({ logger: memoryLogger() }).use(requestId(options)), { headers })

describe('requestId', () => {
  it('given a request without an id, when it comes, then a UUID is in state, context, response and refusals', async () => {
    const edge = pipeline()
      .use(requestId())
      .use({ name: 'deny', onRequest: ctx => ctx.deny({ status: 403, code: 'FORBIDDEN', message: 'No' }) })
    const { state, ctx, headers, json } = await inject(edge)
    expect(state.requestId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(ctx.requestId).toBe(state.requestId)
    expect(headers['x-request-id']).toBe(state.requestId)
    expect(json()).toMatchObject({ error: { request_id: state.requestId } })
  })

  it.each(['abc', 'A-b_c.1:2', 'x'.repeat(128)])(
    'given the client’s plain id %s, when it comes, then it is kept',
    async id => {
      const { state, headers } = await run({}, { 'X-Request-ID': id })
      expect([state.requestId, headers['x-request-id']]).toEqual([id, id])
    },
  )

  it.each(['', 'a b', 'a"b', '<script>', 'a/b', 'é', 'x'.repeat(129), 'a,b'])(
    'given the id %j, which could forge something, when it comes, then a new one is made',
    async id => {
      const { state } = await run({ generator: () => 'made' }, { 'X-Request-ID': id })
      expect(state.requestId).toBe('made')
    },
  )

  it('given two ids, when they come, then neither is believed', async () => {
    expect((await run({ generator: () => 'made' }, { 'X-Request-ID': ['a', 'b'] })).state.requestId).toBe(
      'made',
    )
  })

  it('given another header, when it is configured, then only that one is read and written', async () => {
    const { state, headers } = await run(
      { header: 'X-Correlation-ID', generator: () => 'made' },
      { 'x-correlation-id': 'theirs', 'x-request-id': 'other' },
    )
    expect(state.requestId).toBe('theirs')
    expect(headers).toEqual({ 'x-correlation-id': 'theirs' })
  })

  it('given a header in mixed case, when a host looks fields up in lower case, as Node does, then the id is found', () => {
    const compiled = pipeline()
      .use(requestId({ header: 'X-Correlation-ID' }))
      .compile()
    const ctx = new BareContext(compiled, '/', 'GET', undefined, { 'x-correlation-id': 'theirs' })
    compiled.run(ctx)
    expect(ctx.sent).toEqual([['X-Correlation-ID', 'theirs']])
  })

  it('given includeInResponse false, when a request comes, then the response carries none', async () => {
    expect((await run({ includeInResponse: false })).headers).toEqual({})
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no entropy')
      },
    ],
    ['returns something unfit', () => 'a b'],
    ['returns no string', () => 7 as unknown as string],
    ['promises one', (async () => 'made') as unknown as () => string],
    [
      'rejects, which nobody would hear of',
      (async () => {
        throw new Error('no entropy')
      }) as unknown as () => string,
    ],
  ])('given a generator that %s, when an id is needed, then it is a 500', async (_, generator) => {
    expect((await run({ generator })).status).toBe(500)
  })

  it.each([
    { header: 'a b' },
    { header: 'Content-Length' },
    { header: 'transfer-encoding' },
    { header: 'Set-Cookie' },
    { header: '__proto__' },
    { header: 'constructor' },
    { generator: 'uuid' },
    { includeInResponse: 1 },
    { heder: 'x' },
  ])('given the options %o, when it is built, then they are refused', options => {
    expect(() => requestId(options as RequestIdOptions)).toThrow('requestId: option')
  })

  it('given options that change after they were checked, when a request comes, then what was checked holds', async () => {
    let reads = 0
    const options = {
      get header() {
        return reads++ === 0 ? 'X-Trace' : 'Set-Cookie'
      },
    }
    expect(Object.keys((await run(options)).headers)).toEqual(['x-trace'])
  })
})
