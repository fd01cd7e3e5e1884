import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createAdaptorServer } from '@hono/node-server'
import { toExpress } from '@palisade/adapters/express'
import { toFastify } from '@palisade/adapters/fastify'
import { type FetchEdge, toFetch } from '@palisade/adapters/fetch'
import { toHono } from '@palisade/adapters/hono'
import { toKoa } from '@palisade/adapters/koa'
import { toNode } from '@palisade/adapters/node'
import { pipeline, Reply, requestId } from '@palisade/core'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { koaBody } from 'koa-body'
import multer from 'multer'
import { afterEach, describe, expect, test } from 'vitest'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function listen(server: Server): Promise<string> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const edge = () =>
  pipeline({ logger: { debug() {}, info() {}, warn() {}, error() {} } }).use({
    name: 'peeks',
    async onRequest(ctx) {
      ctx.setHeader('X-Peek', String((await ctx.peek(50)).bytes.length))
    },
  })

function form(bytes: number): FormData {
  const data = new FormData()
  data.append('name', 'ada')
  data.append('file', new Blob([new Uint8Array(bytes).fill(7)]), 'a.bin')
  return data
}

const uploads: Record<string, () => Server> = {
  'multer on Express': () => {
    const app = express().use(toExpress(edge()))
    app.post('/', multer().single('file'), (req, res) =>
      res.json({ name: req.body.name, size: req.file?.size }),
    )
    return createServer(app as RequestListener)
  },
  'koa-body on Koa': () => {
    const app = new Koa().use(toKoa(edge())).use(koaBody({ multipart: true }))
    app.use(ctx => {
      const { body, files } = ctx.request as { body?: { name?: string }; files?: { file?: { size: number } } }
      ctx.body = { name: body?.name, size: files?.file?.size }
    })
    return createServer(app.callback())
  },
  'formData() on Hono': () => {
    const app = new Hono().use(toHono(edge()))
    app.post('/', async c => {
      const data = await c.req.formData()
      return c.json({ name: data.get('name'), size: (data.get('file') as File).size })
    })
    return createAdaptorServer({ fetch: app.fetch }) as Server
  },
}

describe('given a middleware that peeks into an upload', () => {
  test.each(
    Object.entries(uploads).flatMap(([name, make]) =>
      [1, 70_000, 2_000_000].map(size => ({ name, make, size })),
    ),
  )('when $name parses $size bytes then it has all of them', async ({ make, size }) => {
    const url = await listen(make())
    const answer = await fetch(url, { method: 'POST', body: form(size) })
    expect([answer.headers.get('x-peek'), await answer.json()]).toEqual(['50', { name: 'ada', size }])
  })
})

describe('given a middleware that peeks into a form', () => {
  const body = new URLSearchParams({ name: 'ada', long: 'x'.repeat(60_000) })

  test('when express.urlencoded() parses it then it has all of it', async () => {
    const app = express().use(toExpress(edge()), express.urlencoded({ extended: false }))
    app.post('/', (req, res) => res.json(req.body))
    const answer = await fetch(await listen(createServer(app as RequestListener)), { method: 'POST', body })
    expect(await answer.json()).toEqual(Object.fromEntries(body))
  })

  test('when a parser of the team reads the payload of Fastify then it has all of it', async () => {
    const app = Fastify()
    await app.register(toFastify(edge()))
    app.addContentTypeParser(
      'application/x-www-form-urlencoded',
      async (_request: unknown, payload: NodeJS.ReadableStream) =>
        Object.fromEntries(new URLSearchParams(await text(payload))),
    )
    app.post('/', async request => request.body)
    await app.listen({ port: 0, host: '127.0.0.1' })
    servers.push(app.server)
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
    expect(await (await fetch(url, { method: 'POST', body })).json()).toEqual(Object.fromEntries(body))
    const injected = await app.inject({
      method: 'POST',
      url: '/',
      payload: String(body),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect([injected.headers['x-peek'], injected.json()]).toEqual(['50', Object.fromEntries(body)])
  })
})

describe('given an application of Hono that asked for the stream of the body in front', () => {
  const server = (own: ReturnType<typeof pipeline>) => {
    const app = new Hono()
    app.use((c, next) => {
      void c.req.raw.body
      return next()
    })
    app.use(toHono(own))
    app.post('/', async c => c.text(await c.req.text()))
    return createAdaptorServer({ fetch: app.fetch }) as Server
  }
  const body = 'abc'.repeat(40_000)

  test('when a middleware peeks then the handler reads all of it', async () => {
    const answer = await fetch(await listen(server(edge())), { method: 'POST', body })
    const read = await answer.text()
    expect([answer.headers.get('x-peek'), read.length, read === body]).toEqual(['50', body.length, true])
  })

  test('when a middleware reads or streams it then it has all of it', async () => {
    for (const read of ['bytes', 'body'] as const) {
      const own = pipeline().use({
        name: 'reads',
        onRequest: async ctx => new Reply(200, {}, read === 'body' ? ctx.body() : await ctx.bytes(1_000_000)),
      })
      const answer = await fetch(await listen(server(own)), { method: 'POST', body })
      expect((await answer.text()) === body).toBe(true)
    }
  })
})

test('given two pipelines of fetch when the inner one peeks then the handler finds the state of both', async () => {
  const outer = pipeline().use(requestId({ generator: () => 'outer' }))
  const front: FetchEdge<{ requestId: string }, []> = toFetch(outer, request => behind(request))
  const behind = toFetch(edge(), async request =>
    Response.json([front.state(request).requestId, typeof front.context(request), await request.text()]),
  )
  const answer = await front(new Request('http://a/', { method: 'POST', body: 'x'.repeat(100) }))
  expect(await answer.json()).toEqual(['outer', 'object', 'x'.repeat(100)])
})

test('given HTTP/2 when a middleware peeks then the handler reads all of the body, also of one without any', async () => {
  const listener = toNode(edge(), async (req, res) => {
    res.end(await text(req))
  })
  const server = createHttp2Server(listener as never)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const send = async (body: string) => {
    const stream = session.request({ ':method': 'POST' })
    stream.end(body)
    return text(stream)
  }
  try {
    for (const body of ['', 'small', 'abc'.repeat(40_000)]) expect(await send(body)).toBe(body)
  } finally {
    session.close()
    server.close()
  }
})
