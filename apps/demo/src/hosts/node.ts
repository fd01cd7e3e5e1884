import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { toNode } from '@palisade/adapters/node'
import { boom, credentials, hello, slow } from '../handlers.js'
import { notFound } from '../not-found.js'
import { LOOPBACK, type StartHost } from './host.js'
import { listening } from './listen.js'

export const start: StartHost = (protection, { orders, people }, port, host = LOOPBACK) => {
  const { known, reads, writes, admins } = protection
  const orderRoute = /^\/api\/orders\/([^/]+)$/
  const routes: Readonly<Record<string, RequestListener>> = {
    'GET /api/orders': toNode(reads, async (_req, res, ctx) => send(res, 200, await orders.list(ctx))),
    'POST /api/orders': toNode(writes, async (_req, res, ctx) => send(res, 201, await orders.create(ctx))),
    'GET /api/orders/:id': toNode(reads, async (_req, res, ctx) =>
      send(res, 200, await orders.show(ctx, orderRoute.exec(ctx.path)?.[1] ?? '')),
    ),
    'GET /api/slow': toNode(known, async (_req, res, ctx) => send(res, 200, await slow(ctx))),
    'GET /api/boom': toNode(known, boom),
    'GET /admin/reports': toNode(admins, async (_req, res, ctx) => send(res, 200, await orders.report(ctx))),
  }

  const edge = toNode(protection.edge, async (req, res, ctx) => {
    const method = ctx.method === 'HEAD' ? 'GET' : ctx.method
    const route = `${method} ${orderRoute.test(ctx.path) ? '/api/orders/:id' : ctx.path}`
    if (route === 'GET /public/hello') return send(res, 200, hello(ctx))
    if (route === 'GET /demo/credentials') return send(res, 200, await credentials(ctx, people))
    const listener = Object.hasOwn(routes, route) ? routes[route] : undefined
    if (listener === undefined) throw notFound()
    return listener(req, res)
  })
  return listening(createServer(edge).listen(port, host))
}

function send(res: ServerResponse, status: number, value: unknown): void {
  res.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(value))
}
