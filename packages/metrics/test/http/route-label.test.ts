import { type Outcome, pipeline } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { describe, expect, it } from 'vitest'
import { accessLog, metrics, type RouteLabel } from '../../src/index.js'

/** What metrics and log say of the route, and what was logged. */
async function labels(route: unknown, url = '/graphql') {
  const errors: string[] = []
  const records: { route?: string | null }[] = []
  const note = (_fields: object, message = '') => void errors.push(message)
  const silent = () => {}
  const record = (fields: object) => void records.push(fields)
  const counted = metrics({ route: route as RouteLabel })
  const edge = pipeline({ logger: { debug: silent, info: silent, warn: note, error: note } })
    .use(counted)
    .use(
      accessLog({
        route: route as RouteLabel,
        logger: { debug: record, info: record, warn: record, error: record },
      }),
    )
  await inject(edge, { url })
  const label = /http_requests_total\{method="GET",route="([^"]*)"/.exec(await counted.text())?.[1]
  return { label, logged: records[0]?.route, errors }
}

describe('route', () => {
  it('given a label, then metrics and log have it', async () => {
    const { label, logged, errors } = await labels((ctx: { path: string }) => `gql ${ctx.path}`)
    expect([label, logged, errors]).toEqual(['gql /graphql', 'gql /graphql', []])
  })

  it('given a callback, then it sees how the request ended', async () => {
    const { label, logged } = await labels((_ctx: unknown, outcome: Outcome) => `ended ${outcome.status}`)
    expect([label, logged]).toEqual(['ended 200', 'ended 200'])
  })

  it('given undefined, then it is what the host says', async () => {
    const { label, logged, errors } = await labels(() => undefined)
    expect([label, logged, errors]).toEqual(['_unmatched', null, []])
  })

  it.each([null, 1, true, '', 'a\nb', 'x'.repeat(201), {}, ['a'], Promise.resolve('a')])(
    'given %j, then it is logged, and the request is counted all the same',
    async value => {
      const { label, logged, errors } = await labels(() => value)
      expect([label, logged]).toEqual(['_unmatched', null])
      expect(errors).toEqual(['the option "route" failed', 'the option "route" failed'])
    },
  )

  it('given a callback that throws or rejects, then it is logged, and the request is counted', async () => {
    const throws = await labels(() => {
      throw new Error('wrong')
    })
    const rejects = await labels(() => Promise.reject(new Error('wrong')))
    for (const { label, errors } of [throws, rejects])
      expect([label, errors.length]).toEqual(['_unmatched', 2])
  })

  it('given labels without end, then maxRoutes bounds them', async () => {
    const counted = metrics({ maxRoutes: 2, route: ctx => ctx.path })
    const edge = pipeline().use(counted)
    for (const url of ['/a', '/b', '/c', '/d']) await inject(edge, { url })
    const text = await counted.text()
    expect(text).toContain('route="/b"')
    expect(text).not.toContain('route="/c"')
    expect(text).toContain('route="_overflow"')
  })

  it('given no function, then it is a ConfigError', () => {
    expect(() => metrics({ route: '/a' as never })).toThrow(/route/)
    expect(() => accessLog({ route: 1 as never })).toThrow(/route/)
  })
})
