import { type Middleware, pipeline } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { describe, expect, it } from 'vitest'
import { factories } from './factories.js'
import { rows } from './methods.js'

type Method = (...args: never[]) => unknown

const outcome = async (act: () => unknown) => {
  try {
    const value = await act()
    return { value: Array.isArray(value) ? await Promise.all(value) : value }
  } catch (error) {
    return { error: String(error) }
  }
}

/** Some have hooks only. */
const withMethods = rows.filter(({ calls }) => Object.keys(calls).length > 0)

describe.each(withMethods.map(row => [row.name, row] as const))(
  'given what %s returns',
  (_, { build, calls }) => {
    it.each(Object.keys(calls).filter(name => name in build()))(
      'when %s is called apart from it, then it does the same',
      async name => {
        const [one, other] = [build(), build()] as Record<string, Method>[]
        const call = calls[name] as (method: Method, object: unknown) => unknown
        const expected = await outcome(() => call((...args) => one?.[name]?.(...args), one))
        expect(await outcome(() => call(other?.[name] as Method, other))).toEqual(expected)
      },
    )
  },
)

/** Hosts call these apart from the edge anyway. */
const HANDLERS = ['errorHandler', 'notFoundHandler', 'middleware', 'onRequest']

it.each(rows.filter(({ name }) => name.startsWith('to')).map(row => [row.name, row] as const))(
  'given the edge of %s, then each of its methods is in the table',
  (_, { build, calls }) => {
    const edge = build() as Record<string, unknown>
    const names = Object.keys(edge).filter(name => typeof edge[name] === 'function')
    expect(names.filter(name => !HANDLERS.includes(name) && !(name in calls))).toEqual([])
  },
)

const built = factories.filter(([, , , , , at]) => at === '')

const HOOKS = ['mountBehind', 'setup', 'onRequest', 'identify', 'onResponse', 'dispose'] as const

/**
 * What callers may use of an instance: the test of copies below calls the hooks of a middleware.
 */
const hasMethods = (made: object) =>
  Object.getOwnPropertyNames(Object.getPrototypeOf(made)).some(
    name => name !== 'constructor' && !HOOKS.some(hook => hook === name),
  )

it.each(built)('given what %s returns, then an instance of a class is in the table', (name, build, valid) => {
  const made = build(valid as never)
  const isPlain = typeof made !== 'object' || made === null || made.constructor === Object
  const isListed = rows.some(row => row.name === name || row.name === `metrics().${name.slice(8)}`)
  expect(isPlain || isListed || !hasMethods(made)).toBe(true)
})

const isMiddleware = (value: unknown): value is Middleware =>
  typeof (value as Middleware | null)?.name === 'string' &&
  ['setup', 'onRequest', 'onResponse'].some(hook => hook in (value as object))

const middlewares = built
  .filter(([, build, valid]) => isMiddleware(build(valid as never)))
  .map(([name, build, valid]) => [name, () => build(valid as never) as Middleware] as const)

describe.each(middlewares)('given a copy of %s, as { ...middleware }', (_, build) => {
  it('then it has every hook', () => {
    const middleware = build()
    const copy = { ...middleware }
    expect(HOOKS.filter(hook => middleware[hook] !== undefined && copy[hook] === undefined)).toEqual([])
  })

  it('when it is mounted, then it answers as the original does', async () => {
    const { needs = [], onRequest } = build()
    if (needs.length > 0 || onRequest === undefined) return
    const answer = async (middleware: Middleware) => {
      const edge = pipeline({ logger: { debug() {}, info() {}, warn() {}, error() {} } }).use(middleware)
      const answers = []
      for (let i = 0; i < 3; i++) {
        const { status, passed, headers } = await inject(edge, { url: '/wp-login.php' })
        answers.push({ status, passed, headers: Object.keys(headers) })
      }
      await edge.dispose()
      return answers
    }
    expect(await answer({ ...build() })).toEqual(await answer(build()))
  })
})
