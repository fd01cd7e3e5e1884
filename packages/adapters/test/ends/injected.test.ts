import { createHmac } from 'node:crypto'
import codegenie from '@codegenie/serverless-express'
import awsLambda from '@fastify/aws-lambda'
import { toExpress } from '@palisade/adapters/express'
import { toFastify } from '@palisade/adapters/fastify'
import { toHono } from '@palisade/adapters/hono'
import { toKoa } from '@palisade/adapters/koa'
import { authenticate, jwt } from '@palisade/auth'
import { type Pipeline, pipeline } from '@palisade/core'
import express from 'express'
import Fastify, { type FastifyInstance } from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import serverless from 'serverless-http'
import { describe, expect, test } from 'vitest'
import { Ends } from './node-hosts.js'

interface Answer {
  readonly status: number
  readonly body: string
}

type Ask = (path: string, method?: string, body?: string) => Promise<Answer>

/** An event of API Gateway, payload format 1.0. */
const eventOf = (path: string, method: string, body: string | undefined) => ({
  httpMethod: method,
  path,
  resource: '/{proxy+}',
  headers: { Host: 'localhost', ...(body === undefined ? {} : { 'Content-Type': 'text/plain' }) },
  multiValueHeaders: {},
  queryStringParameters: null,
  multiValueQueryStringParameters: null,
  body: body ?? null,
  isBase64Encoded: false,
  requestContext: { identity: { sourceIp: '203.0.113.7' } },
})

type Lambda = (event: object, context: object) => Promise<unknown>

const askingLambda =
  (lambda: Lambda): Ask =>
  async (path, method = 'GET', body) => {
    const { statusCode, body: text } = (await lambda(eventOf(path, method, body), {})) as {
      statusCode: number
      body: string
    }
    return { status: statusCode, body: text }
  }

function expressApp(edge: Pipeline<object>) {
  const app = express()
  app.set('env', 'test')
  app.use(toExpress(edge))
  app.get('/', (_req, res) => void res.send('ok'))
  app.post('/', express.text(), (req, res) => void res.send(`got ${req.body}`))
  // The one of Express needs a socket that @codegenie/serverless-express does not give it.
  app.use((_req, res) => void res.status(404).send('none'))
  return app
}

async function fastifyApp(edge: Pipeline<object>): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(toFastify(edge))
  app.get('/', async () => 'ok')
  app.post('/', async request => `got ${request.body}`)
  await app.ready()
  return app
}

function koaApp(edge: Pipeline<object>) {
  const app = new Koa()
  app.use(toKoa(edge))
  app.use(async ctx => {
    if (ctx.path !== '/') return
    if (ctx.method !== 'POST') ctx.body = 'ok'
    else {
      let text = ''
      for await (const chunk of ctx.req) text += String(chunk)
      ctx.body = `got ${text}`
    }
  })
  return app
}

/** Every way in which an app is asked without a server. */
const ways: Record<string, (edge: Pipeline<object>) => Promise<Ask>> = {
  async 'fastify.inject()'(edge) {
    const app = await fastifyApp(edge)
    return async (path, method = 'GET', body) => {
      const answer = await app.inject({
        url: path,
        method: method as 'GET',
        ...(body === undefined ? {} : { payload: body, headers: { 'content-type': 'text/plain' } }),
      })
      return { status: answer.statusCode, body: answer.body }
    }
  },
  async 'fastify.inject() of a stream'(edge) {
    const app = await fastifyApp(edge)
    return async (path, method = 'GET', body) => {
      const answer = await app.inject({
        url: path,
        method: method as 'GET',
        payloadAsStream: true,
        ...(body === undefined ? {} : { payload: body, headers: { 'content-type': 'text/plain' } }),
      })
      let text = ''
      for await (const chunk of answer.stream()) text += String(chunk)
      return { status: answer.statusCode, body: text }
    }
  },
  '@fastify/aws-lambda': async edge => askingLambda(awsLambda(await fastifyApp(edge)) as Lambda),
  'serverless-http on Express': async edge => askingLambda(serverless(expressApp(edge)) as Lambda),
  'serverless-http on Koa': async edge => askingLambda(serverless(koaApp(edge)) as Lambda),
  '@codegenie/serverless-express on Express': async edge =>
    askingLambda(codegenie({ app: expressApp(edge) }) as unknown as Lambda),
  '@codegenie/serverless-express on Koa': async edge =>
    askingLambda(codegenie({ app: koaApp(edge) as never }) as unknown as Lambda),
  async 'app.request() of Hono'(edge) {
    const app = new Hono()
    app.use(toHono(edge))
    app.get('/', c => c.text('ok'))
    app.post('/', async c => c.text(`got ${await c.req.text()}`))
    return async (path, method = 'GET', body) => {
      const answer = await app.request(path, { method, ...(body === undefined ? {} : { body }) })
      return { status: answer.status, body: await answer.text() }
    }
  },
}

const refusing = (ends: Ends) =>
  pipeline({ logger: ends.logger })
    .use(ends.middleware)
    .use({
      name: 'no',
      onRequest: ctx => ctx.deny({ status: 403, code: 'FORBIDDEN', message: 'no entry' }),
    })

describe.each(Object.keys(ways))('a request by %s', name => {
  const build = ways[name] as (typeof ways)[string]

  test('given answers of every kind when they are whole then each outcome is complete, with its status', async () => {
    const ends = new Ends()
    const ask = await build(pipeline({ logger: ends.logger }).use(ends.middleware))
    expect(await ask('/')).toEqual({ status: 200, body: 'ok' })
    expect(await ask('/', 'POST', 'hello')).toEqual({ status: 200, body: 'got hello' })
    expect((await ask('/nowhere')).status).toBe(404)
    expect(await ask('/', 'HEAD')).toEqual({ status: 200, body: '' })
    await ends.reach(4)
    expect(ends.outcomes.map(({ status, aborted }) => [status, aborted])).toEqual([
      [200, false],
      [200, false],
      [404, false],
      [200, false],
    ])
    expect(ends.errors).toEqual([])
  })

  test('given a refusal when it is answered then its outcome is complete, also with a body that nobody read', async () => {
    const ends = new Ends()
    const ask = await build(refusing(ends))
    expect((await ask('/')).status).toBe(403)
    expect((await ask('/', 'POST', 'x'.repeat(100_000))).status).toBe(403)
    await ends.reach(2)
    expect(ends.outcomes).toMatchObject([
      { status: 403, aborted: false },
      { status: 403, aborted: false },
    ])
    expect(ends.errors).toEqual([])
  })

  test('given a middleware that reads the body when it is answered then it has all of it', async () => {
    const ends = new Ends()
    const bodies: string[] = []
    const edge = pipeline({ logger: ends.logger })
      .use(ends.middleware)
      .use({
        name: 'reads',
        async onRequest(ctx) {
          bodies.push(new TextDecoder().decode(await ctx.bytes(100)))
          return ctx.deny({ status: 400, code: 'BAD', message: 'bad' })
        },
      })
    const ask = await build(edge)
    expect((await ask('/', 'POST', 'hello')).status).toBe(400)
    expect(bodies).toEqual(['hello'])
  })
})

test('given a handler that tears an injected answer when it does then its outcome is aborted', async () => {
  const ends = new Ends()
  const app = Fastify()
  await app.register(toFastify(pipeline({ logger: ends.logger }).use(ends.middleware)))
  app.get('/', (_request, reply) => {
    reply.hijack()
    reply.raw.destroy()
  })
  await expect(app.inject('/')).rejects.toThrow('destroyed')
  await ends.reach(1)
  expect(ends.outcomes).toMatchObject([{ status: undefined, aborted: true }])
})

describe.each(['Express', 'Koa'])('a login by serverless-http on %s', name => {
  const secret = 'a secret of thirty-two bytes, no less'
  const edge = pipeline().use(
    authenticate({ strategies: [jwt({ issuer: 'me', audience: 'shop', secret, algorithms: ['HS256'] })] }),
  )
  const app = name === 'Express' ? expressApp(edge) : koaApp(edge)
  const lambda = serverless(app) as Lambda
  const statusWith = async (headers: object, multiValueHeaders: object = {}) => {
    const event = {
      ...eventOf('/', 'GET', undefined),
      headers: { Host: 'localhost', ...headers },
      multiValueHeaders,
    }
    return ((await lambda(event, {})) as { statusCode: number }).statusCode
  }
  const token = (claims: object) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
  }
  const good = () => token({ iss: 'me', aud: 'shop', sub: 'ada', exp: Math.floor(Date.now() / 1000) + 60 })

  test('given a token when the gateway gives headers without raw lines then it decides', async () => {
    expect(await statusWith({ Authorization: `Bearer ${good()}` })).toBe(200)
    expect(await statusWith({})).toBe(401)
    expect(await statusWith({ Authorization: `Bearer ${good()}x` })).toBe(401)
  })

  test('given two credentials when the gateway gives both then neither is taken', async () => {
    const both = { Authorization: [`Bearer ${good()}`, 'Basic YTpi'] }
    expect(await statusWith({ Authorization: 'Basic YTpi' }, both)).toBeGreaterThanOrEqual(400)
  })
})
