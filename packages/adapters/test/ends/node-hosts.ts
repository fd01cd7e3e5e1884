import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { toExpress } from '@palisade/adapters/express'
import { toFastify } from '@palisade/adapters/fastify'
import { toHono } from '@palisade/adapters/hono'
import { toKoa } from '@palisade/adapters/koa'
import { toNode } from '@palisade/adapters/node'
import type { Outcome, Pipeline } from '@palisade/core'
import express, { type Express } from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { http2Express } from './http2-express.js'

export interface Mounted {
  readonly listener: RequestListener
  readonly edge: {
    readonly middleware: ReturnType<typeof toNode>['middleware']
    handleUpgrade(server: Server): () => void
  }
  close(): Promise<unknown> | undefined
}

export interface NodeHost {
  readonly name: string
  /** An app that answers every request that passes with `ok`. `reached` is called first. */
  mount(pipeline: Pipeline<object>, reached?: () => void): Promise<Mounted> | Mounted
}

/** Every host that runs on a server of Node, with one handler. */
export const nodeHosts: readonly NodeHost[] = [
  {
    name: 'node',
    mount(pipeline, reached = () => {}) {
      const edge = toNode(pipeline, (_req, res) => {
        reached()
        res.end('ok')
      })
      return { listener: edge, edge, close: () => undefined }
    },
  },
  {
    name: 'express',
    mount: (pipeline, reached) => mountExpress(express(), pipeline, reached),
  },
  {
    name: 'fastify',
    async mount(pipeline, reached = () => {}) {
      let listener: RequestListener = () => {}
      const app = Fastify({
        serverFactory(handler) {
          listener = handler
          return createServer()
        },
      })
      const edge = toFastify(pipeline)
      await app.register(edge)
      app.addContentTypeParser('*', (_request, payload, done) => {
        payload.resume().on('end', () => done(null))
      })
      app.all('/*', async () => {
        reached()
        return 'ok'
      })
      await app.ready()
      return { listener, edge, close: () => app.close() }
    },
  },
  {
    name: 'koa',
    mount(pipeline, reached = () => {}) {
      const app = new Koa()
      app.silent = true
      const edge = toKoa(pipeline)
      app.use(edge)
      app.use(ctx => {
        reached()
        ctx.body = 'ok'
      })
      return { listener: app.callback(), edge, close: () => undefined }
    },
  },
  {
    name: 'hono',
    mount(pipeline, reached = () => {}) {
      const app = new Hono()
      const edge = toHono(pipeline)
      app.use(edge)
      app.all('*', c => {
        reached()
        return c.text('ok')
      })
      return { listener: getRequestListener(app.fetch), edge, close: () => undefined }
    },
  },
]

function mountExpress(app: Express, pipeline: Pipeline<object>, reached = () => {}): Mounted {
  app.set('env', 'test')
  const edge = toExpress(pipeline)
  app.use(edge)
  app.use((_req, res) => {
    reached()
    res.send('ok')
  })
  return { listener: app, edge, close: () => undefined }
}

/** The same hosts on a server of HTTP/2. */
export const http2Hosts: readonly NodeHost[] = nodeHosts.map(host => {
  if (host.name !== 'express') return host
  return { ...host, mount: (pipeline, reached) => mountExpress(http2Express(), pipeline, reached) }
})

export async function listenOn(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Counts requests that passed a pipeline, and waits for outcomes. */
export class Ends {
  readonly outcomes: Outcome[] = []
  readonly errors: string[] = []
  starts = 0
  private waiting: { readonly count: number; readonly resolve: () => void }[] = []

  readonly middleware = {
    name: 'ends',
    onRequest: () => {
      this.starts++
    },
    onResponse: (_ctx: unknown, outcome: Outcome) => {
      this.outcomes.push(outcome)
      this.waiting = this.waiting.filter(({ count, resolve }) => {
        if (this.outcomes.length < count) return true
        resolve()
        return false
      })
    },
  }

  readonly logger = {
    debug() {},
    info() {},
    warn: (fields: object, message?: string) => this.log(fields, message),
    error: (fields: object, message?: string) => this.log(fields, message),
  }

  /** When so many requests have ended. */
  reach(count: number): Promise<void> {
    if (this.outcomes.length >= count) return Promise.resolve()
    return new Promise(resolve => this.waiting.push({ count, resolve }))
  }

  private log(fields: object, message = ''): void {
    const { err } = fields as { err?: unknown }
    this.errors.push(`${message}: ${String(err)}`)
  }
}
