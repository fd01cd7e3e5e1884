import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recorder } from '../support/recorder.js'

/** So few that many meet at the same place, and so alike that only one letter tells them apart. */
const route = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom(
    '',
    '/',
    '/a',
    '/b',
    '/orders/:id',
    '/orders/:it',
    '/orders/:di',
    '_unmatched',
    '_overflow',
  ),
  fc.stringMatching(/^\/[abc]{1,4}\/:id$/),
)
const request = fc.record({
  method: fc.constantFrom('GET', 'PUT', 'POST', 'HEAD', 'get', 'BREW', '_OTHER', '__proto__', ''),
  route,
  status: fc.oneof(fc.integer({ min: 100, max: 599 }), fc.constantFrom(200, 201, 404, -1, 2 ** 31)),
})

const KNOWN = new Set(['GET', 'PUT', 'POST', 'HEAD'])

describe('the series of a request', () => {
  it('against a model: whatever came before, each request is counted under its own labels', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 400 }), requests => {
        const { record, series } = recorder({ maxRoutes: 1000, maxSeries: 1000 })
        const model = new Map<string, number>()
        for (const one of requests) {
          record(1, 0, one as never)
          const method = KNOWN.has(one.method) ? one.method : '_OTHER'
          const key = JSON.stringify([method, one.route ?? '_unmatched', String(one.status)])
          model.set(key, (model.get(key) ?? 0) + 1)
        }
        const counted = series().map(({ method, route, status, count }) => [
          JSON.stringify([method, route, status]),
          count,
        ])
        expect(new Map(counted as [string, number][])).toEqual(model)
        expect(counted).toHaveLength(model.size)
      }),
    )
  })

  it('given one that found no room, when it comes again and again, then each is dropped and counted as such', () => {
    const { record, series, registry } = recorder({ maxSeries: 1 })
    record(1, 0, { route: '/a' })
    for (let i = 0; i < 5; i++) record(1, 0, { route: '/b' })
    record(1, 0, { route: '/a' })
    expect(series().map(({ route, count }) => [route, count])).toEqual([
      ['/a', 2],
      ['_overflow', 5],
    ])
    expect(registry.budget.dropped).toBe(5)
  })

  it('given a template beyond maxRoutes, when it comes again and again, then each is dropped and counted as such', () => {
    const { record, series, registry } = recorder({ maxRoutes: 1 })
    record(1, 0, { route: '/a' })
    for (let i = 0; i < 5; i++) record(1, 0, { route: '/b' })
    expect(series().map(({ route, count }) => [route, count])).toEqual([
      ['/a', 1],
      ['_overflow', 5],
    ])
    expect(registry.budget.dropped).toBe(5)
  })
})
