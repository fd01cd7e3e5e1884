import { AsyncLocalStorage } from 'node:async_hooks'
import { toFetch } from '@palisade/adapters/fetch'
import { toHono } from '@palisade/adapters/hono-fetch'
import { type Pipeline, pipeline } from '@palisade/core'
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'

const serving: Record<string, (edge: Pipeline) => (request: Request) => Promise<Response>> = {
  toFetch: edge => toFetch(edge, () => new Response('ok')),
  'toHono away from Node': edge => {
    const app = new Hono().use(toHono(edge)).get('/', c => c.text('ok'))
    return async request => app.fetch(request)
  },
}

describe.each(Object.keys(serving))('%s', name => {
  const store = new AsyncLocalStorage<string>()
  const start = (seen: (string | undefined)[]) => {
    const edge = pipeline().use({
      name: 'context',
      onRequest: () => store.enterWith('request'),
      onResponse: () => void seen.push(store.getStore()),
    })
    return (serving[name] as (typeof serving)[string])(edge)
  }

  test('given a body that is read in another asynchronous context when it ends then onResponse is in that of the request', async () => {
    const seen: (string | undefined)[] = []
    const response = await store.run('server', () => start(seen)(new Request('http://localhost/')))
    expect(await store.run('reader', () => response.text())).toBe('ok')
    expect(seen).toEqual(['request'])
  })

  test('given a client that leaves when another asynchronous context says so then onResponse is in that of the request', async () => {
    const seen: (string | undefined)[] = []
    const client = new AbortController()
    const request = new Request('http://localhost/', { signal: client.signal })
    await store.run('server', () => start(seen)(request))
    store.run('socket', () => client.abort())
    expect(seen).toEqual(['request'])
  })
})
