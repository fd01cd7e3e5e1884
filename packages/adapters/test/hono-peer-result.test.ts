import { toHono } from '@palisade/adapters/hono'
import { toHono as toHonoFetch } from '@palisade/adapters/hono-fetch'
import { pipeline } from '@palisade/core'
import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const WRONG: Readonly<Record<string, () => unknown>> = {
  'a promise of an address': () => Promise.resolve('203.0.113.9'),
  'a rejected promise': () => Promise.reject(new Error('the socket is gone')),
  'a number': () => 1,
  false: () => false,
  null: () => null,
  NaN: () => Number.NaN,
  'an object': () => ({}),
  'a revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  'a throw': () => {
    throw new Error('a fault of the team')
  },
}

const unhandled: unknown[] = []
const onUnhandled = (reason: unknown) => unhandled.push(reason)
beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', onUnhandled)
})
afterEach(async () => {
  await new Promise(resolve => setImmediate(resolve))
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

describe.each([
  { name: 'hono', mount: toHono },
  { name: 'hono-fetch', mount: toHonoFetch },
])('peer of $name', ({ mount }) => {
  it.each(Object.entries(WRONG))(
    'given %s, then the request is a 500, and its handler does not run',
    async (_, peer) => {
      let ran = false
      const app = new Hono()
      app.use(mount(pipeline(), { peer: peer as never }))
      app.get('/', c => {
        ran = true
        return c.text('ok')
      })
      app.onError((_error, c) => c.text('failed', 500))
      expect((await app.request('/')).status).toBe(500)
      expect(ran).toBe(false)
    },
  )
})
