import { once } from 'node:events'
import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { toExpress } from '@palisade/adapters/express'
import { pipeline, securityHeaders } from '@palisade/core'
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import { describe, expect, test } from 'vitest'
import { RouteTemplates } from '../src/express/route-templates.js'
import { Probe } from './conformance/probe.js'

function ask(app: Express, ...paths: string[]): Promise<string[]> {
  app.set('env', 'test')
  return askServer(createServer(app), ...paths)
}

async function askServer(server: Server, ...paths: string[]): Promise<string[]> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const texts: string[] = []
  for (const path of paths) texts.push(await (await fetch(`http://127.0.0.1:${port}${path}`)).text())
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  return texts
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
  const inner = express().get('/fails/:id', (req, res) => {
    if (req.query['fine'] === undefined) throw new Error('boom')
    res.send('ok')
  })
  app.use('/sub/:tenant', inner)
  app.use(edge.errorHandler)
  await ask(app, '/sub/acme/fails/7', '/sub/acme/fails/7?fine')
  await probe.settled()
  expect(routes()).toEqual(['/fails/:id', '/sub/:tenant/fails/:id'])
})

describe('errors that an error handler of the team answers', () => {
  const fails: RequestHandler = () => {
    throw new Error('boom')
  }
  const answers: ErrorRequestHandler = (_error, _req, res, _next) => void res.status(503).send('ours')

  test('given an error handler inside a router when it answers then the error is reported', async () => {
    const { app, probe } = guarded()
    const inner = express.Router().get('/x', fails).use(answers)
    app.use('/api', express.Router().use('/v1', inner))
    app.get('/one', fails, answers)
    expect(await ask(app, '/api/v1/x', '/one')).toEqual(['ours', 'ours'])
    await probe.settled()
    expect(probe.logs).toEqual(['the handler failed: boom', 'the handler failed: boom'])
  })

  test('given an error handler that is added after the first request when it answers then the error is reported', async () => {
    const { app, probe } = guarded()
    app.get('/', (_req, res) => {
      app.get('/x', fails).use(answers)
      res.send('added')
    })
    expect(await ask(app, '/', '/x')).toEqual(['added', 'ours'])
    await probe.settled()
    expect(probe.logs).toEqual(['the handler failed: boom'])
  })

  test('given layers that are added one after the other when requests come then an error handler is wrapped once', async () => {
    const { app } = guarded()
    app.use(answers)
    app.get('/', (_req, res) => {
      app.get('/x', fails)
      res.send('added')
    })
    const handlers = () => app.router.stack.map(({ handle }) => handle).filter(({ length }) => length === 4)
    await ask(app, '/')
    const wrapped = handlers()
    await ask(app, '/', '/', '/')
    expect(handlers()).toEqual(wrapped)
    expect(wrapped).not.toContain(answers)
  })

  test('given a router that is mounted in itself when requests come then they are answered', async () => {
    const { app, probe } = guarded()
    const router = express.Router()
    router.use('/again', router).get('/x', fails).use(answers)
    app.use('/api', router)
    expect(await ask(app, '/api/again/again/x')).toEqual(['ours'])
    await probe.settled()
    expect(probe.logs).toEqual(['the handler failed: boom'])
  })

  test('given a route in front of the edge when it throws what cannot be inspected then it is a 500 and the server lives', async () => {
    const probe = new Probe()
    const app = express()
    app.get('/before', () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      throw proxy
    })
    app.use(toExpress(probe.pipeline()))
    app.get('/', (_req, res) => void res.send('ok'))
    const [first, failed, last] = await ask(app, '/', '/before', '/')
    expect([first, last]).toEqual(['ok', 'ok'])
    expect(failed).toContain('a value that cannot be inspected was thrown')
  })
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
    return (path: string) => templates.of({ route, app, originalUrl: path } as unknown as Request, app)
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

test('given an object that a handler derived from its request when the edge is asked by it then it stands for the request', async () => {
  const { app, edge, probe } = guarded()
  app.get('/', (req, res) => {
    const derived: Request = Object.create(Object.create(req))
    edge.report(new Error('boom'), derived)
    res.send(String(edge.context(derived) === edge.context(req)))
  })
  expect(await ask(app, '/')).toEqual(['true'])
  await probe.settled()
  expect(probe.logs).toEqual(['the handler failed: boom'])
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

// From Node 24 on there is nothing to gain, and nothing is done.
describe.runIf(Number.parseInt(process.versions.v8, 10) < 13)('the classes of the server', () => {
  /**
   * Whether each request and response has the prototypes of an application before Express has seen
   * it. Not a listener, which would change that.
   */
  const watched = (server: Server, app: Express) => {
    const isBorn: boolean[][] = []
    const { emit } = server
    server.emit = function (this: Server, ...event: unknown[]) {
      const [name, req, res] = event
      if (name === 'request')
        isBorn.push([Object.getPrototypeOf(req) === app.request, Object.getPrototypeOf(res) === app.response])
      return Reflect.apply(emit, this, event)
    }
    return isBorn
  }
  const YES = [true, true]
  const NO = [false, false]
  /** Says whether it answers with its own request and response. */
  const answering = (app: Express) =>
    app.get('/', (req, res) => {
      const own = [req.app === app, Object.getPrototypeOf(req) === app.request, req.res === res]
      res.send(String(own.every(Boolean) && Object.getPrototypeOf(res) === app.response))
    })

  test('given a server of Node when its first request has passed then the next ones are born for the application', async () => {
    const { app, probe } = guarded()
    const server = createServer(answering(app))
    const isBorn = watched(server, app)
    expect(await askServer(server, '/', '/', '/')).toEqual(['true', 'true', 'true'])
    expect(isBorn).toEqual([NO, YES, YES])
    await probe.settled()
    expect(probe.outcomes.map(({ status }) => status)).toEqual([200, 200, 200])
  })

  test('given requests that are born for the application when they have passed then V8 has not made dictionaries of them', async () => {
    setFlagsFromString('--allow-natives-syntax')
    const isFast = new Function('object', 'return %HasFastProperties(object)') as (object: object) => boolean
    const { app } = guarded()
    const seen: boolean[] = []
    app.get('/', (req, res) => {
      res.json({ id: 1 })
      seen.push(isFast(req) && isFast(res))
    })
    await askServer(createServer(app), ...Array.from({ length: 30 }, () => '/'))
    expect(seen.slice(-10)).toEqual(Array(10).fill(true))
  })

  test('given a mounted application with the pipeline when requests come then they are born for the one around it', async () => {
    const { app: inner } = guarded()
    const app = express().use('/sub', answering(inner))
    const server = createServer(answering(app))
    const isBorn = watched(server, app)
    expect(await askServer(server, '/sub', '/sub', '/', '/sub')).toEqual(['true', 'true', 'true', 'true'])
    expect(isBorn).toEqual([NO, YES, YES, YES])
  })

  test('given two applications behind one function when requests come then each gets its own', async () => {
    const { app: one } = guarded()
    const { app: two } = guarded()
    answering(one)
    answering(two)
    const server = createServer((req, res) => (req.url === '/?two' ? two : one)(req, res))
    const isBorn = watched(server, one)
    expect(await askServer(server, '/', '/?two', '/', '/?two')).toEqual(['true', 'true', 'true', 'true'])
    expect(isBorn).toEqual([NO, NO, NO, NO])
  })

  test.each(['request', 'upgrade', 'connect', 'checkContinue', 'checkExpectation'])(
    'given a listener of %s beside the application when requests come then they are as Node makes them',
    async event => {
      const { app } = guarded()
      const server = createServer(answering(app))
      server.on(event, () => {})
      const isBorn = watched(server, app)
      expect(await askServer(server, '/', '/')).toEqual(['true', 'true'])
      expect(isBorn).toEqual([NO, NO])
    },
  )

  test('given a listener that is added later, or an application that is put in again, when requests come then they are as Node makes them', async () => {
    for (const change of [
      (server: Server) => server.on('upgrade', req => Object.assign(req, { query: {} })),
      (server: Server, app: Express) => server.removeAllListeners('request').on('request', app),
    ]) {
      const { app } = guarded()
      const server = createServer(answering(app))
      app.get('/change', (_req, res) => {
        change(server, app)
        res.send('changed')
      })
      const isBorn = watched(server, app)
      expect(await askServer(server, '/', '/', '/change', '/', '/')).toEqual([
        'true',
        'true',
        'changed',
        'true',
        'true',
      ])
      expect(isBorn).toEqual([NO, YES, YES, NO, NO])
      expect(server.listenerCount('newListener')).toBe(0)
    }
  })

  test('given a server with classes of its own when requests come then it keeps them', async () => {
    class MyRequest extends IncomingMessage {}
    class MyResponse extends ServerResponse {}
    for (const options of [{ IncomingMessage: MyRequest }, { ServerResponse: MyResponse }]) {
      const { app } = guarded()
      const server = createServer(options, answering(app))
      const isBorn = watched(server, app)
      expect(await askServer(server, '/', '/', '/')).toEqual(['true', 'true', 'true'])
      expect(isBorn).toEqual([NO, NO, NO])
    }
  })

  test('given an application that defines how to read what Node assigns when requests come then Node assigns it before', async () => {
    const { app } = guarded()
    Object.defineProperty(app.response, 'finished', { get: () => true, configurable: true })
    const server = createServer(answering(app))
    const isBorn = watched(server, app)
    expect(await askServer(server, '/', '/', '/')).toEqual(['true', 'true', 'true'])
    expect(isBorn).toEqual([NO, NO, NO])
  })
})

test('given securityHeaders when a sub-app of Express answers then X-Powered-By of Express is not sent, and another value is', async () => {
  const app = express()
  app.use(toExpress(pipeline().use(securityHeaders())))
  const sub = express()
  sub.get('/', (_req, res) => {
    res.send('sub')
  })
  sub.get('/own', (_req, res) => {
    res.set('X-Powered-By', 'tea').send('own')
  })
  sub.get('/raw', (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/plain' }).end('raw')
  })
  app.use('/sub', express().use('/deep', sub), sub)
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const powered = async (path: string) =>
    (await fetch(`http://127.0.0.1:${port}${path}`)).headers.get('x-powered-by')
  expect([
    await powered('/sub'),
    await powered('/sub/deep'),
    await powered('/sub/raw'),
    await powered('/missing'),
    await powered('/sub/own'),
  ]).toEqual([null, null, null, null, 'tea'])
  server.close()
})
