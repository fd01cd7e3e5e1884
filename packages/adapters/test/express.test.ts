import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toExpress } from '@palisade/adapters/express'
import express, { type Express, type Request, type Response } from 'express'
import { expect, test } from 'vitest'
import { RouteTemplates } from '../src/express/route-templates.js'
import { Probe } from './conformance/probe.js'

async function ask(app: Express, ...paths: string[]): Promise<void> {
  app.set('env', 'test')
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  for (const path of paths) await (await fetch(`http://127.0.0.1:${port}${path}`)).text()
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}

const guarded = () => {
  const probe = new Probe()
  const app = express()
  const edge = toExpress(probe.pipeline().use(probe.middleware('a')))
  app.use(edge)
  return { probe, app, edge, routes: () => probe.outcomes.map(({ route }) => route) }
}

test('given a router at several prefixes when its route answers then each prefix has its own template', async () => {
  const { app, probe, routes } = guarded()
  const router = express.Router().get('/items/:id', (_req, res) => res.send('ok'))
  app.use('/v1/:tenant', router)
  app.use('/v2', router)
  await ask(app, '/v1/acme/items/1', '/v2/items/1', '/v1/other/items/2')
  await probe.settled()
  expect(routes()).toEqual(['/v1/:tenant/items/:id', '/v2/items/:id', '/v1/:tenant/items/:id'])
})

test('given a mount by a pattern when a thousand values come then there is one template', async () => {
  const { app, probe, routes } = guarded()
  app.use(
    /^\/t-\w+/,
    express.Router().get('/x', (_req, res) => res.send('ok')),
  )
  await ask(app, ...Array.from({ length: 50 }, (_, i) => `/t-${i}/x`))
  await probe.settled()
  expect(new Set(routes()).size).toBe(1)
})

test('given a sub-app when its error is passed on to the app around it then the template has no value in it', async () => {
  const { app, probe, edge, routes } = guarded()
  const inner = express().get('/fails/:id', () => {
    throw new Error('boom')
  })
  app.use('/sub/:tenant', inner)
  app.use(edge.errorHandler)
  await ask(app, '/sub/acme/fails/7')
  await probe.settled()
  expect(routes()).toEqual(['/fails/:id'])
})

test('given a router that does not keep its paths when many values and spellings come then templates are named and bounded', () => {
  const route = { path: '/items' }
  const matcher =
    (pattern: RegExp, ...names: string[]) =>
    (path: string) => {
      const match = pattern.exec(path)
      if (match === null) return false as const
      return {
        path: match[0],
        params: Object.fromEntries(names.map((name, i) => [name, match[i + 1] ?? ''])),
      }
    }
  const mounted = (match: ReturnType<typeof matcher>) => {
    const templates = new RouteTemplates()
    const app = { router: { stack: [{ handle: { stack: [{ route }] }, matchers: [match] }] } }
    return (path: string) => templates.of({ route, app, originalUrl: path } as unknown as Request)
  }
  const tenant = mounted(matcher(/^\/api\/([^/]+)/, 'tenant'))
  expect(tenant('/api/api/items')).toBe('/api/:tenant/items')
  expect(tenant('/api/acme/items?x=1')).toBe('/api/:tenant/items')
  const nameless = mounted(matcher(/^\/t-\w+/))
  const seen = new Set(Array.from({ length: 1000 }, (_, i) => nameless(`/t-${i}/items`)))
  expect(seen.size).toBeLessThanOrEqual(17)
  const literal = mounted(matcher(/^\/api/i))
  expect([literal('/api/items'), literal('/API/items')]).toEqual(['/api/items', '/api/items'])
})

test('given the properties by which a request and its response know each other when it has passed then they are there', async () => {
  const { app } = guarded()
  const told: boolean[] = []
  app.get('/', (req, res) => {
    told.push(req.res === res, res.req === req, Object.keys(res).includes('req'))
    res.send('ok')
  })
  await ask(app, '/')
  expect(told).toEqual([true, true, true])
})

test('given an accessor of the same name on the prototype, and a wrapped response, when a request has passed then both are as they were', async () => {
  const app = express()
  const edge = toExpress(new Probe().pipeline())
  Object.defineProperty(app.request, 'res', { get: () => 'of the prototype', configurable: true })
  const told: boolean[] = []
  app.use((req, res, next) => edge(req, Object.create(res) as Response, next))
  app.get('/', (req, res) => {
    told.push(req.res === res)
    res.send('ok')
  })
  await ask(app, '/')
  expect(told).toEqual([true])
})
