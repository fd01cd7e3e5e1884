import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer, getRequestListener, upgradeWebSocket } from '@hono/node-server'
import { toHono } from '@palisade/adapters/hono'
import { pipeline, Reply } from '@palisade/core'
import { Hono } from 'hono'
import { compress } from 'hono/compress'
import { expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { toHono as toHonoByFetch } from '../src/hono-fetch.js'
import { Probe } from './conformance/probe.js'

const early = () => pipeline().use({ name: 'early', onRequest: ctx => ctx.setHeader('X-Early', 'yes') })

test('given no server when the app is asked by call then the edge works, without an address', async () => {
  const app = new Hono()
  const edge = toHono(early())
  app.use(edge)
  app.get('/', c => c.json({ ip: edge.context(c).client.ip ?? null }))
  const response = await app.request('/')
  expect(response.headers.get('x-early')).toBe('yes')
  expect(await response.json()).toEqual({ ip: null })
})

test('given a sub-app with an error handler of its own when its route throws then early headers are on it and the template is told', async () => {
  const probe = new Probe()
  const inner = new Hono()
  inner.onError((_error, c) => c.text('inner', 503))
  inner.get('/items/:id', () => {
    throw new Error('boom')
  })
  const app = new Hono()
  app.use(toHono(probe.pipeline().use(probe.sets({ 'X-Early': 'yes' }))))
  app.route('/api', inner)
  const response = await app.request('/api/items/7')
  expect([response.status, response.headers.get('x-early'), await response.text()]).toEqual([
    503,
    'yes',
    'inner',
  ])
  await probe.settled()
  expect(probe.outcomes).toMatchObject([{ status: 503, route: '/api/items/:id', aborted: false }])
})

test('given an application that requires Hono when it answers then the template is told, though its Hono is another copy than ours', async () => {
  const probe = new Probe()
  const required: typeof import('hono') = createRequire(import.meta.url)('hono')
  expect(required.Hono).not.toBe(Hono)
  const app = new required.Hono()
  app.use(toHono(probe.pipeline().use(probe.sets({ 'X-Early': 'yes' }))))
  app.get('/items/:id', c => c.text('ok'))
  expect(await (await app.request('/items/7')).text()).toBe('ok')
  await probe.settled()
  expect(probe.outcomes).toMatchObject([{ status: 200, route: '/items/:id', aborted: false }])
})

test('given an early header when the handler sets it by c.header then the handler wins, in one line', async () => {
  const app = new Hono()
  app.use(toHono(early()))
  app.get('/', c => {
    c.header('X-Early', 'handler')
    return c.text('ok')
  })
  expect((await app.request('/')).headers.get('x-early')).toBe('handler')
})

test('given a middleware of the team in front when the edge refuses then it sees the refusal and can add to it', async () => {
  const app = new Hono()
  app.use(async (c, next) => {
    await next()
    c.header('X-Outer', String(c.res.status))
  })
  app.use(
    toHono(
      pipeline().use({ name: 'no', onRequest: ctx => ctx.deny({ status: 403, code: 'NO', message: 'no' }) }),
    ),
  )
  const response = await app.request('/')
  expect([response.status, response.headers.get('x-outer')]).toEqual([403, '403'])
})

test('given a logger in front of the app that wraps writeHead when both the edge and the handler set a cookie and Vary then all are sent', async () => {
  const app = new Hono()
  const edge = pipeline().use({
    name: 'appends',
    onRequest(ctx) {
      ctx.appendHeader('Set-Cookie', 'ours=1')
      ctx.appendHeader('Vary', 'Origin')
    },
  })
  app.use(toHono(edge))
  app.get('/', c => {
    c.header('Set-Cookie', 'theirs=1')
    c.header('Vary', 'Accept')
    return c.text('ok')
  })
  let heads = 0
  const listener = getRequestListener(app.fetch)
  const server = createServer((req, res) => {
    const { writeHead } = res
    res.writeHead = ((...head: Parameters<typeof writeHead>) => {
      heads++
      return writeHead.apply(res, head)
    }) as typeof writeHead
    return listener(req, res)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { headers } = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  expect([headers.getSetCookie(), headers.get('vary'), heads]).toEqual([
    ['ours=1', 'theirs=1'],
    'Origin, Accept',
    1,
  ])
  server.closeAllConnections()
  server.close()
})

test('given the module for other platforms when a bundler chose it for a Node server then clients have their addresses', async () => {
  const app = new Hono()
  const edge = toHonoByFetch(early())
  app.use(edge)
  app.get('/', c => c.json({ ip: edge.context(c).client.ip ?? null }))
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  expect([response.headers.get('x-early'), await response.json()]).toEqual(['yes', { ip: '127.0.0.1' }])
  expect(() => edge.handleUpgrade(server)).toThrow(/needs Node/)
  server.closeAllConnections()
  server.close()
})

test("given the node server's own WebSockets when one is opened then the edge knows the client's address", async () => {
  const app = new Hono()
  const edge = toHono(early())
  const addresses: (string | undefined)[] = []
  app.use(edge)
  app.get(
    '/ws',
    upgradeWebSocket(c => {
      addresses.push(edge.context(c).client.ip)
      return {}
    }),
  )
  const server = createAdaptorServer({
    fetch: app.fetch,
    websocket: { server: new WebSocketServer({ noServer: true }) as never },
  }) as Server
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`)
  await once(socket, 'open')
  expect(addresses).toEqual(['127.0.0.1'])
  socket.terminate()
  server.close()
})

test('given compress() and a middleware that replaces c.res when the edge answers itself then the length is that of what is sent', async () => {
  const root = pipeline().use({
    name: 'answers',
    onRequest: ctx =>
      ctx.path === '/metrics' ? new Reply(200, { ETag: '"1"', 'Set-Cookie': 'a=1' }, LONG) : undefined,
  })
  const edge = toHono(root)
  const app = new Hono()
  app.use('/metrics', compress())
  app.use('/missing', compress())
  app.use('/replaced', async (c, next) => {
    await next()
    c.res = undefined
    c.res = new Response('short', { status: 200 })
  })
  app.use(edge)
  app.notFound(edge.notFoundHandler)
  app.onError(edge.errorHandler)
  const server = createAdaptorServer({ fetch: app.fetch })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { 'Accept-Encoding': 'gzip' },
    })
    return { response, body: await response.text() }
  }
  const metrics = await ask('/metrics')
  expect(metrics.response.headers.get('content-encoding')).toBe('gzip')
  expect(metrics.response.headers.get('content-length')).toBe(null)
  expect(metrics.body).toBe(LONG)
  expect(metrics.response.headers.getSetCookie()).toEqual(['a=1'])
  const replaced = await ask('/replaced')
  expect([replaced.response.headers.get('content-length'), replaced.body]).toEqual(['5', 'short'])
  expect((await ask('/missing')).response.status).toBe(404)
  server.close()
})

const LONG = 'x'.repeat(5000)
