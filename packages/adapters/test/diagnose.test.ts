import { type Logger, type Pipeline, pipeline } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { toExpress } from '../src/express.js'
import { toFastify } from '../src/fastify.js'
import { toFetch } from '../src/fetch.js'
import { toHono } from '../src/hono.js'
import { toHono as toHonoFetch } from '../src/hono-fetch.js'
import { toKoa } from '../src/koa.js'
import { toNode } from '../src/node.js'

const EDGES = {
  express: toExpress,
  fastify: toFastify,
  koa: toKoa,
  hono: toHono,
  'hono-fetch': toHonoFetch,
  node: (edge: Pipeline) => toNode(edge, (_req, res) => res.end()),
  fetch: (edge: Pipeline) => toFetch(edge, () => new Response('ok')),
}

const recorded = () => {
  const lines: [fields: object, message: string | undefined][] = []
  const logger: Logger = {
    debug() {},
    info() {},
    warn: (fields, message) => lines.push([fields, message]),
    error() {},
  }
  return { lines, logger }
}

describe.each(Object.entries(EDGES))('given the edge of %s', (_, make) => {
  it('when a proxy is not named, then diagnose() returns what was logged', async () => {
    const { lines, logger } = recorded()
    const shared = pipeline({ logger })
    const edge = make(shared)
    expect(edge.diagnose()).toBeUndefined()
    for (let index = 0; index < 30; index++)
      await inject(shared, { peer: '10.0.3.7', headers: { 'X-Forwarded-For': `198.51.100.${index}` } })
    expect(edge.diagnose()).toEqual({
      code: 'TRUST_MISSING',
      message: expect.stringContaining('10.0.3.7'),
      remedy: 'Set `trust: trustedHops(1)`.',
      counts: { requests: 10, forwarded: 10, peers: 1, elements: 1 },
    })
    expect(lines.map(([, message]) => message)).toEqual([edge.diagnose()?.message])
  })
})

describe('given a runtime without an address of the socket', () => {
  it('when toFetch() or toHono() has no `peer`, then diagnose() says so', async () => {
    const { lines, logger } = recorded()
    const edge = toFetch(pipeline({ logger }), () => new Response('ok'))
    const hono = toHono(pipeline({ logger }))
    const app = new Hono().use(hono).get('/', c => c.text('ok'))
    for (let index = 0; index < 20; index++) {
      await edge(new Request('https://shop.example/'))
      await app.request('/')
    }
    for (const one of [edge, hono])
      expect(one.diagnose()).toMatchObject({
        code: 'CLIENT_ADDRESS_MISSING',
        remedy: expect.stringContaining('`peer`'),
      })
    expect(lines).toHaveLength(2)
  })
})
