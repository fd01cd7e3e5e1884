import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { toNode } from '@palisade/adapters/node'
import { RequestError } from '@palisade/core'
import { boom, notJson, slow } from '../orders.js'
import type { StartHost } from './host.js'
import { listening } from './listen.js'

export const start: StartHost = (protection, orders, port) => {
  const api = toNode(protection.api, async (req, res) => {
    const { pathname, searchParams } = targetOf(req)
    const [, , resource, id] = pathname.split('/')
    if (resource === 'orders' && id === undefined && reads(req)) return send(res, 200, orders.list())
    if (resource === 'orders' && id === undefined && req.method === 'POST')
      return send(res, 201, orders.create(await bodyOf(req)))
    if (resource === 'orders' && id !== undefined && reads(req)) return send(res, 200, orders.get(id))
    if (resource === 'slow' && reads(req))
      return send(res, 200, await slow(searchParams.get('ms') ?? undefined))
    if (resource === 'boom' && reads(req)) return boom()
    throw notFound()
  })
  const edge = toNode(protection.edge, (req, res, ctx) => {
    const { pathname } = targetOf(req)
    if (pathname.startsWith('/api/')) return api(req, res)
    if (pathname === '/public/hello' && reads(req))
      return send(res, 200, { hello: 'world', request_id: ctx.state.requestId })
    throw notFound()
  })
  return listening(createServer(edge).listen(port))
}

const targetOf = (req: IncomingMessage) => new URL(req.url ?? '/', 'http://localhost')
const reads = (req: IncomingMessage) => req.method === 'GET' || req.method === 'HEAD'
const notFound = () => new RequestError(404, 'The requested resource was not found')

function send(res: ServerResponse, status: number, value: unknown): void {
  res.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(value))
}

const bodyOf = (req: IncomingMessage): Promise<unknown> =>
  json(req).catch(() => {
    throw notJson()
  })
