import { toHono } from '@palisade/adapters/hono'
import { toHono as toHonoFetch } from '@palisade/adapters/hono-fetch'
import { pipeline } from '@palisade/core'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { watchRejections, wrongResults } from '../../../test/support/wrong-results.js'

watchRejections()

describe.each([
  { name: 'hono', mount: toHono },
  { name: 'hono-fetch', mount: toHonoFetch },
])('peer of $name', ({ mount }) => {
  it.each(wrongResults(['undefined', 'a text']))(
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
