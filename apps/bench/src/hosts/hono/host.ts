import type { Server } from 'node:http'
import { type HttpBindings, serve as listen } from '@hono/node-server'
import { Hono } from 'hono'
import { BODY, LOOPBACK, listening, PATH } from '../host.js'

export interface OnNode {
  Bindings: HttpBindings
}

export function serve(protect: (app: Hono<OnNode>) => void): Promise<Server> {
  const app = new Hono<OnNode>()
  protect(app)
  app.get(PATH, c => c.json(BODY))
  return listening(listen({ fetch: app.fetch, hostname: LOOPBACK, port: 0 }) as Server)
}
