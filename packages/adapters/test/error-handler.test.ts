import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toExpress } from '@palisade/adapters/express'
import { toFastify } from '@palisade/adapters/fastify'
import { toHono } from '@palisade/adapters/hono'
import { toKoa } from '@palisade/adapters/koa'
import { type Logger, type PipelineOptions, pipeline, RequestError } from '@palisade/core'
import express from 'express'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { Hono } from 'hono'
import { basicAuth } from 'hono/basic-auth'
import { bearerAuth } from 'hono/bearer-auth'
import { HTTPException } from 'hono/http-exception'
import createError from 'http-errors'
import Koa from 'koa'
import { afterEach, describe, expect, it } from 'vitest'

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const edgeOf = (options: PipelineOptions = {}) =>
  pipeline({ logger: quiet, production: true, ...options }).use({ name: 'a', onRequest: () => undefined })

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** What a client gets from a listener of Node. */
async function get(listener: RequestListener, path = '/', init: RequestInit = {}) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  open.push(() => server.close())
  await once(server, 'listening')
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, init)
  return seen(response)
}

async function seen(response: Response) {
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, error: errorOf(text) }
}

function errorOf(text: string): { code?: string; message?: string; details?: { fields?: object[] } } {
  try {
    return (JSON.parse(text) as { error?: object }).error ?? {}
  } catch {
    return {}
  }
}

describe('Fastify', () => {
  const schema = {
    body: {
      type: 'object',
      required: ['name'],
      additionalProperties: false,
      properties: {
        name: { type: 'string', maxLength: 3 },
        tags: { type: 'array', items: { type: 'integer' } },
      },
    },
    querystring: { type: 'object', properties: { page: { type: 'integer' } } },
  }

  async function app(fill: (app: FastifyInstance) => void, options: PipelineOptions = {}) {
    const fastify = Fastify({ ajv: { customOptions: { removeAdditional: false, allErrors: true } } })
    open.push(() => fastify.close())
    const edge = toFastify(edgeOf(options))
    await fastify.register(edge)
    fastify.setErrorHandler(edge.errorHandler)
    fill(fastify)
    return async (options: object) => {
      const { statusCode, headers, body } = await fastify.inject(options)
      return { status: statusCode, headers, error: errorOf(body) }
    }
  }

  it('given a body that a schema refuses, then the faults are details.fields', async () => {
    const inject = await app(one => one.post('/', { schema }, () => 'ok'))
    const { status, error } = await inject({
      method: 'POST',
      url: '/',
      payload: { tags: [1, 'x'], extra: 1 },
    })
    expect(status).toBe(400)
    expect(error).toMatchObject({ code: 'VALIDATION_ERROR', message: 'The request is not valid' })
    expect(error.details?.fields).toEqual(
      expect.arrayContaining([
        { field: 'name', in: 'body', message: "must have required property 'name'" },
        { field: 'extra', in: 'body', message: 'must NOT have additional properties' },
        { field: 'tags[1]', in: 'body', message: 'must be integer' },
      ]),
    )
  })

  it('given a mapError that leaves the error to the default, then the faults are there all the same', async () => {
    const inject = await app(one => one.post('/', { schema }, () => 'ok'), { mapError: () => undefined })
    const { error } = await inject({ method: 'POST', url: '/', payload: {} })
    expect(error.details?.fields).toHaveLength(1)
  })

  it('given a query that a schema refuses, then the field says where it is', async () => {
    const inject = await app(one => one.get('/', { schema: { querystring: schema.querystring } }, () => 'ok'))
    const { error } = await inject({ url: '/?page=x' })
    expect(error.details?.fields).toEqual([{ field: 'page', in: 'querystring', message: 'must be integer' }])
  })

  it('given a validation error whose status the team changed, then that is the status', async () => {
    const inject = await app(one =>
      one.post('/', { schema, attachValidation: true }, (request, reply) => {
        reply.code(418)
        throw Object.assign(request.validationError ?? new Error('none'), { statusCode: 422 })
      }),
    )
    const { status, error } = await inject({ method: 'POST', url: '/', payload: {} })
    expect(status).toBe(422)
    expect(error.details?.fields).toHaveLength(1)
  })

  it.each([
    [
      'throws',
      (reply: FastifyReply) => {
        reply.code(418)
        throw new Error('inner')
      },
      418,
      'IM_A_TEAPOT',
    ],
    [
      'rejects',
      async (reply: FastifyReply) => {
        reply.code(402)
        throw new Error('inner')
      },
      402,
      'PAYMENT_REQUIRED',
    ],
    [
      'throws after a 201',
      (reply: FastifyReply) => {
        reply.code(201)
        throw new Error('inner')
      },
      500,
      'INTERNAL_ERROR',
    ],
    [
      'throws an error with a status',
      (reply: FastifyReply) => {
        reply.code(418)
        throw createError(409)
      },
      409,
      'CONFLICT',
    ],
  ])(
    'given a handler that sets a code and %s, then the code is as Fastify has it',
    async (_what, handler, status, code) => {
      const inject = await app(one => one.get('/', (_request, reply) => handler(reply)))
      const answer = await inject({ url: '/' })
      expect(answer).toMatchObject({ status, error: { code } })
      expect(answer.error.message).not.toContain('inner')
    },
  )

  it.each([
    ['a type that has no parser', { payload: 'x', headers: { 'content-type': 'text/x' } }, 415, /Media Type/],
    ['no JSON', { payload: '{', headers: { 'content-type': 'application/json' } }, 400, /./],
    ['an empty JSON body', { payload: '', headers: { 'content-type': 'application/json' } }, 400, /empty/],
  ])('given %s, then the message is that of Fastify', async (_what, request, status, message) => {
    const inject = await app(one => one.post('/', () => 'ok'))
    const answer = await inject({ method: 'POST', url: '/', ...request })
    expect(answer.status).toBe(status)
    expect(answer.error.message).toMatch(message)
  })
})

describe('Hono', () => {
  function app(fill: (app: Hono) => void) {
    const hono = new Hono()
    const edge = toHono(edgeOf(), { peer: () => '127.0.0.1' })
    hono.use(edge)
    hono.onError(edge.errorHandler)
    fill(hono)
    return async (path = '/') => seen(await hono.request(path))
  }

  it('given basicAuth and bearerAuth, then their challenges are kept', async () => {
    const ask = app(one => {
      one.use('/basic', basicAuth({ username: 'a', password: 'b', realm: 'Staff' }))
      one.use('/bearer', bearerAuth({ token: 'x' }))
    })
    const basic = await ask('/basic')
    expect(basic.status).toBe(401)
    expect(basic.headers.get('www-authenticate')).toBe('Basic realm="Staff"')
    expect(basic.headers.get('content-type')).toMatch(/json/)
    expect(basic.error.code).toBe('UNAUTHORIZED')
    expect((await ask('/bearer')).headers.get('www-authenticate')).toMatch(/^Bearer/)
  })

  it.each([400, 404, 503])('given an HTTPException %i with a message, then it is shown', async status => {
    const ask = app(one =>
      one.get('/', () => {
        throw new HTTPException(status as 400, { message: 'closed until five' })
      }),
    )
    expect(await ask()).toMatchObject({ status, error: { message: 'closed until five' } })
  })

  it('given an HTTPException with a response, then its headers are kept and its body is ours', async () => {
    const headers = new Headers({ 'retry-after': '9', 'content-type': 'text/html', 'content-length': '4' })
    headers.append('set-cookie', 'a=1')
    headers.append('set-cookie', 'b=2')
    const ask = app(one =>
      one.get('/', () => {
        throw new HTTPException(429, { res: new Response('html', { status: 429, headers }) })
      }),
    )
    const answer = await ask()
    expect(answer.status).toBe(429)
    expect(answer.headers.get('retry-after')).toBe('9')
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(answer.error.code).toBe('RATE_LIMITED')
  })

  it('given a redirect that was thrown, then it is the answer', async () => {
    const ask = app(one =>
      one.get('/', () => {
        throw new HTTPException(302 as 400, {
          res: new Response(null, { status: 302, headers: { location: '/in' } }),
        })
      }),
    )
    const answer = await ask()
    expect(answer.status).toBe(302)
    expect(answer.headers.get('location')).toBe('/in')
  })
})

describe('Koa', () => {
  async function ask(handler: (ctx: Koa.Context) => unknown) {
    const koa = new Koa()
    const edge = toKoa(edgeOf())
    koa.silent = true
    koa.use(edge).use(edge.errorHandler).use(handler)
    return get(koa.callback())
  }

  it.each([
    ['ctx.throw(400)', (ctx: Koa.Context) => ctx.throw(400, 'name required'), 400, 'name required'],
    ['ctx.throw(500)', (ctx: Koa.Context) => ctx.throw(500, 'db down'), 500, 'An unexpected error occurred'],
    ['an exposed 503', (ctx: Koa.Context) => ctx.throw(503, 'at five', { expose: true }), 503, 'at five'],
    ['ctx.assert', (ctx: Koa.Context) => ctx.assert(false, 404, 'no user'), 404, 'no user'],
  ])('given %s, then the message is shown as by Koa', async (_what, handler, status, message) => {
    expect(await ask(handler)).toMatchObject({ status, error: { message } })
  })

  it('given headers of the error, then they are kept', async () => {
    const { headers } = await ask(ctx => ctx.throw(401, 'who?', { headers: { 'WWW-Authenticate': 'Basic' } }))
    expect(headers.get('www-authenticate')).toBe('Basic')
  })
})

describe('Express', () => {
  async function ask(handler: express.RequestHandler, init: RequestInit = {}) {
    const app = express()
    const edge = toExpress(edgeOf())
    app.use(edge, express.json({ limit: 10 }), handler, edge.errorHandler)
    return get(app, '/', init)
  }

  it('given an error of http-errors, then its message and headers are kept', async () => {
    const { status, headers, error } = await ask((_req, _res, next) =>
      next(createError(405, 'GET only', { headers: { Allow: 'GET' } })),
    )
    expect(status).toBe(405)
    expect(headers.get('allow')).toBe('GET')
    expect(error.message).toBe('GET only')
  })

  it('given a status that was set before the throw, then it is kept', async () => {
    const { status, error } = await ask((_req, res) => {
      res.status(418)
      throw new Error('inner')
    })
    expect({ status, error }).toMatchObject({
      status: 418,
      error: { code: 'IM_A_TEAPOT', message: 'The server is a teapot' },
    })
  })

  it.each([
    ['{"a":', 400],
    ['{"long":"body"}', 413],
  ])('given the body %s, then the body parser decides', async (body, status) => {
    const answer = await ask((_req, res) => res.end(), {
      method: 'POST',
      body,
      headers: { 'Content-Type': 'application/json' },
    })
    expect(answer.status).toBe(status)
  })
})

describe('RequestError', () => {
  it('given a host or framework that reads other names, then it says the same under them', () => {
    expect(new RequestError(409, 'taken')).toMatchObject({ status: 409, statusCode: 409, expose: true })
  })

  it('given Koa without the error handler of the edge, then its own answer has status, message and headers', async () => {
    const koa = new Koa()
    koa.silent = true
    koa.use(toKoa(edgeOf())).use(() => {
      throw new RequestError(409, 'taken', { headers: { 'X-Why': 'name' } })
    })
    const answer = await get(koa.callback())
    expect(answer.status).toBe(409)
    expect(answer.text).toBe('taken')
    expect(answer.headers.get('x-why')).toBe('name')
  })
})
