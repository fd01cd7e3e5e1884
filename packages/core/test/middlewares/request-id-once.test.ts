import { expect, test } from 'vitest'
import { type Middleware, type Pipeline, pipeline, requestId } from '../../src/index.js'
import { inject } from '../../src/testing.js'
import { memoryLogger } from '../support/memory-logger.js'

const asks = (seen: string[]): Middleware => ({
  name: 'asks',
  onRequest(ctx) {
    seen.push(ctx.requestId)
  },
})
const rate = (): Middleware => ({
  name: 'refuses',
  onRequest: ctx => ctx.deny({ status: 429, code: 'NO', message: 'no' }),
})

const pipelines: Readonly<Record<string, (seen: string[]) => Pipeline<object>>> = {
  first: () => pipeline().use(requestId()),
  'behind a middleware that asks': seen => pipeline().use(asks(seen)).use(requestId()),
  'behind one that refuses': seen => pipeline().use(rate()).use(requestId()).use(asks(seen)),
  'in a branch': seen => pipeline().use(asks(seen)).branch().use(requestId()),
  'twice, in a branch too': () =>
    pipeline()
      .use(requestId({ generator: () => 'first' }))
      .branch()
      .use(requestId({ header: 'X-Correlation-ID', generator: () => 'second' })),
  'not at all': seen => pipeline().use(asks(seen)),
}

for (const [place, build] of Object.entries(pipelines))
  for (const sent of [undefined, 'theirs'])
    test(`given requestId() ${place} when a request comes ${sent === undefined ? 'without an id' : 'with one'} then events, context and response have one id`, async () => {
      const seen: string[] = []
      const edge = build(seen)
      for (const name of ['request:start', 'decision:refused', 'request:end'] as const)
        edge.events.on(name, event => seen.push(event.requestId))
      const { headers, ctx } = await inject(edge, {
        headers: sent === undefined ? {} : { 'X-Request-ID': sent },
      })
      for (const name of ['x-request-id', 'x-correlation-id']) {
        const value = headers[name]
        if (value !== undefined) seen.push(value)
      }
      expect(seen.length).toBeGreaterThanOrEqual(2)
      expect(new Set(seen)).toEqual(new Set([ctx.requestId]))
    })

test('given a generator when something asks for the id early then it is asked once', async () => {
  let asked = 0
  const edge = pipeline()
    .use(asks([]))
    .use(requestId({ generator: () => `id-${++asked}` }))
  edge.events.on('request:start', () => {})
  expect((await inject(edge)).headers['x-request-id']).toBe('id-1')
})

test('given a generator that throws when something asks for the id early then the request is refused all the same', async () => {
  const edge = pipeline({ logger: memoryLogger() })
    .use(asks([]))
    .use(
      requestId({
        generator() {
          throw new Error('no entropy')
        },
      }),
    )
  edge.events.on('request:start', () => {})
  expect((await inject(edge)).status).toBe(500)
})

test.each([
  ['at once', false],
  ['later', true],
])(
  'given a middleware that sets an id of its own %s when a request comes then start and end have it',
  async (_, isLate) => {
    const seen: string[] = []
    const edge = pipeline()
      .use({ name: 'waits', onRequest: () => (isLate ? Promise.resolve() : undefined) })
      .use({
        name: 'sets',
        onRequest(ctx) {
          ctx.requestId = 'own'
        },
      })
    edge.events.on('request:start', event => seen.push(`start ${event.requestId}`))
    edge.events.on('request:end', event => seen.push(`end ${event.requestId}`))
    await inject(edge)
    expect(seen).toEqual(['start own', 'end own'])
  },
)
