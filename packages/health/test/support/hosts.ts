import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import {
  type GracefulShutdown,
  type GracefulShutdownOptions,
  gracefulShutdown,
  type Lifecycle,
} from '../../src/index.js'

/**
 * The same small app in each host's idiom, wired as the README says: `/work?ms=` answers after so
 * long, `/ready` by the lifecycle.
 */
export type StartHost = (
  lifecycle: Lifecycle,
  options: GracefulShutdownOptions,
) => Promise<{ server: Server; shutdown: GracefulShutdown }>

const status = ({ draining }: Lifecycle) => (draining ? 503 : 200)

async function work(ms: string | null | undefined): Promise<string> {
  const duration = Number(ms ?? 0)
  if (duration > 0) await sleep(duration)
  return `worked for ${duration} ms`
}

export const hosts: Readonly<Record<string, StartHost>> = {
  async node(lifecycle, options) {
    const server = createServer(async (req, res) => {
      const url = new URL(req.url ?? '/', 'http://localhost')
      if (url.pathname === '/ready') res.writeHead(status(lifecycle)).end()
      else res.end(await work(url.searchParams.get('ms')))
    }).listen(0, '127.0.0.1')
    const shutdown = gracefulShutdown(server, { lifecycle, ...options })
    await once(server, 'listening')
    return { server, shutdown }
  },
  async express(lifecycle, options) {
    const app = express()
    app.get('/ready', (_req, res) => void res.sendStatus(status(lifecycle)))
    app.get('/work', async (req, res) => void res.send(await work(String(req.query['ms']))))
    const server = app.listen(0, '127.0.0.1')
    const shutdown = gracefulShutdown(server, { lifecycle, ...options })
    await once(server, 'listening')
    return { server, shutdown }
  },
  async fastify(lifecycle, options) {
    const app = Fastify()
    app.get('/ready', (_request, reply) => reply.code(status(lifecycle)).send(''))
    app.get<{ Querystring: { ms: string } }>('/work', request => work(request.query.ms))
    const { server } = app
    const handlers = [() => app.close(), ...(options.handlers ?? [])]
    const shutdown = gracefulShutdown(server, { lifecycle, ...options, handlers })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { server, shutdown }
  },
  async hono(lifecycle, options) {
    const app = new Hono()
    app.get('/ready', c => c.body(null, status(lifecycle)))
    app.get('/work', async c => c.text(await work(c.req.query('ms'))))
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
    const shutdown = gracefulShutdown(server, { lifecycle, ...options })
    await once(server, 'listening')
    return { server: server as Server, shutdown }
  },
  async koa(lifecycle, options) {
    const app = new Koa()
    app.use(async ctx => {
      if (ctx.path === '/ready') ctx.status = status(lifecycle)
      else ctx.body = await work(ctx.query['ms'] as string)
    })
    const server = app.listen(0, '127.0.0.1')
    const shutdown = gracefulShutdown(server, { lifecycle, ...options })
    await once(server, 'listening')
    return { server, shutdown }
  },
}
