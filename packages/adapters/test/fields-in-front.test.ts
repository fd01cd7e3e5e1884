import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { toExpress } from '@palisade/adapters/express'
import { toFastify } from '@palisade/adapters/fastify'
import { toHono } from '@palisade/adapters/hono'
import { toHono as toHonoFetch } from '@palisade/adapters/hono-fetch'
import { toKoa } from '@palisade/adapters/koa'
import { toNode } from '@palisade/adapters/node'
import { pipeline, Reply } from '@palisade/core'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { expect, test } from 'vitest'

const edge = () =>
  pipeline().use({
    name: 'answers',
    onRequest: () => new Reply(403, { Vary: 'Accept', 'Set-Cookie': 'ours=1' }),
  })

const hono = (mounted: ReturnType<typeof toHono> | ReturnType<typeof toHonoFetch>) =>
  getRequestListener(
    new Hono()
      .use((c, next) => {
        // As Hono's own middleware does it: what `c.header()` sets is not on a Response that is not
        // made by `c`.
        c.res.headers.set('Vary', 'X-A')
        c.res.headers.append('Set-Cookie', 'front=1')
        return next()
      })
      .use(mounted).fetch,
  )

/** Each sets both fields in front of the edge, in the way of its host. */
const hosts: Readonly<Record<string, () => RequestListener | Promise<RequestListener>>> = {
  node() {
    const listener = toNode(edge(), () => {})
    return (req, res) => {
      res.setHeader('Vary', 'X-A').setHeader('Set-Cookie', 'front=1')
      listener(req, res)
    }
  },
  express: () =>
    express()
      .use((_req, res, next) => {
        res.vary('X-A').append('Set-Cookie', 'front=1')
        next()
      })
      .use(toExpress(edge())),
  async fastify() {
    const app = Fastify()
    app.addHook('onRequest', (_request, reply, done) => {
      reply.header('vary', 'X-A').header('set-cookie', 'front=1')
      done()
    })
    await app.register(toFastify(edge()))
    await app.ready()
    return app.routing as RequestListener
  },
  koa() {
    const app = new Koa().use((ctx, next) => {
      ctx.vary('X-A')
      ctx.append('Set-Cookie', 'front=1')
      return next()
    })
    return app.use(toKoa(edge())).callback()
  },
  hono: () => hono(toHono(edge())),
  'hono by fetch': () => hono(toHonoFetch(edge())),
}

test.each(Object.keys(hosts))(
  'given Vary and cookies that are set in front of the edge on %s when a middleware answers with both then all are sent',
  async name => {
    const server = createServer(await hosts[name]?.()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { headers, status } = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    server.close()
    expect(status).toBe(403)
    expect(headers.get('vary')?.split(', ').sort()).toEqual(['Accept', 'X-A'])
    expect(headers.getSetCookie().sort()).toEqual(['front=1', 'ours=1'])
  },
)
