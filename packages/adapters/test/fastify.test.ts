import { toFastify } from '@palisade/adapters/fastify'
import { pipeline } from '@palisade/core'
import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { Probe } from './conformance/probe.js'

test('given an edge registered in a plugin of its own when a sibling answers then it is covered, and so is the 404', async () => {
  const probe = new Probe()
  const app = Fastify()
  await app.register(toFastify(probe.pipeline().use(probe.sets({ 'X-Early': 'yes' }))))
  await app.register((inner, _options, done) => {
    inner.get('/inner', () => 'inner')
    done()
  })
  app.get('/outer', () => 'outer')
  for (const url of ['/inner', '/outer', '/nowhere']) {
    const { headers } = await app.inject({ url })
    expect(headers['x-early'], url).toBe('yes')
  }
  await app.close()
})

test('given an early header when a hook of the team sets it on the reply then the team wins, in one line', async () => {
  const app = Fastify()
  await app.register(
    toFastify(
      pipeline().use({ name: 'early', onRequest: ctx => ctx.setHeader('Cache-Control', 'no-store') }),
    ),
  )
  app.addHook('onSend', (_request, reply, payload, done) => {
    reply.header('Cache-Control', 'public')
    done(null, payload)
  })
  app.get('/', () => 'ok')
  expect((await app.inject({ url: '/' })).headers['cache-control']).toBe('public')
  await app.close()
})

test('given a refusal when the team has onSend and onResponse hooks then they see it', async () => {
  const seen: string[] = []
  const app = Fastify()
  await app.register(
    toFastify(
      pipeline().use({ name: 'no', onRequest: ctx => ctx.deny({ status: 403, code: 'NO', message: 'no' }) }),
    ),
  )
  app.addHook('onSend', (_request, reply, payload, done) => {
    seen.push(`onSend ${reply.statusCode}`)
    done(null, payload)
  })
  app.addHook('onResponse', (_request, reply, done) => {
    seen.push(`onResponse ${reply.statusCode}`)
    done()
  })
  expect((await app.inject({ url: '/' })).statusCode).toBe(403)
  expect(seen).toEqual(['onSend 403', 'onResponse 403'])
  await app.close()
})

test('given a handler that hijacks when it answers on the raw response then early headers and cookies are on it', async () => {
  const app = Fastify()
  const edge = toFastify(
    pipeline().use({
      name: 'early',
      onRequest(ctx) {
        ctx.setHeader('X-Early', 'yes')
        ctx.appendHeader('Set-Cookie', 'a=1')
      },
    }),
  )
  await app.register(edge)
  app.get('/', (_request, reply) => {
    reply.hijack()
    reply.raw.end('raw')
  })
  const { headers } = await app.inject({ url: '/' })
  expect([headers['x-early'], headers['set-cookie']]).toEqual(['yes', 'a=1'])
  await app.close()
})

test('given a router that ends paths at a semicolon when the edge is registered then it is refused, as rules by path would see another path', async () => {
  const app = Fastify({ useSemicolonDelimiter: true })
  await expect(async () => {
    await app.register(toFastify(pipeline()))
  }).rejects.toThrow(/toFastify: option "routerOptions.useSemicolonDelimiter"/)
})

test('given rewriteUrl when a request comes then the pipeline sees the path that is routed', async () => {
  const app = Fastify({ rewriteUrl: req => (req.url ?? '/').replace('/pub', '/secret') })
  const paths: string[] = []
  await app.register(
    toFastify(pipeline().use({ name: 'sees', onRequest: ctx => void paths.push(ctx.path, ctx.url) })),
  )
  app.get('/secret', () => 'secret')
  expect((await app.inject({ url: '/pub?a=1' })).statusCode).toBe(200)
  expect(paths).toEqual(['/secret', '/secret?a=1'])
  await app.close()
})
