import { EventEmitter, once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { ConfigError, type Pipeline, pipeline } from '@palisade/core'
import { afterEach, describe, expect, it } from 'vitest'
import { toExpress } from '../src/express.js'
import { toFastify } from '../src/fastify.js'
import { toFetch } from '../src/fetch.js'
import { toHono } from '../src/hono.js'
import { toKoa } from '../src/koa.js'
import { toNode } from '../src/node.js'

let server: Server | undefined

afterEach(async () => {
  server?.close()
  server?.closeAllConnections()
})

async function listen(one: Server): Promise<{ client: Socket; accepted: Socket }> {
  server = one.listen(0, '127.0.0.1')
  await once(one, 'listening')
  const client = connect((one.address() as AddressInfo).port, '127.0.0.1')
  const [accepted] = (await once(one, 'connection')) as [Socket]
  return { client, accepted }
}

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

describe('a client that leaves', () => {
  it('given something slow in front of the edge, when the client has left meanwhile, then what is reached hears of the end', async () => {
    const seen: string[] = []
    const edge = toNode(
      pipeline().use({
        name: 'late',
        onRequest: () => void seen.push('reached'),
        onResponse: (_ctx, { aborted, status }) => void seen.push(`ended ${aborted} ${status}`),
      }),
      (_req, res) => res.end('ok'),
    )
    const signs = new EventEmitter()
    const entered = once(signs, 'entered')
    const left = once(signs, 'left')
    const { client } = await listen(
      createServer(async (req, res) => {
        const closed = once(res, 'close')
        signs.emit('entered')
        await closed
        edge(req, res)
        signs.emit('left')
      }),
    )
    client.write(REQUEST)
    await entered
    client.destroy()
    await left
    expect(seen).toEqual([])
  })

  it('given requests in a row on one connection, when all are answered, then none leaves a listener behind', async () => {
    let ended = 0
    const edge = pipeline().use({ name: 'seen', onResponse: () => void ended++ })
    const { client, accepted } = await listen(createServer(toNode(edge, (_req, res) => res.end('ok'))))
    const before = accepted.listenerCount('close')
    client.write(REQUEST.repeat(50))
    let answers = 0
    for await (const chunk of client) {
      answers += String(chunk).split('HTTP/1.1 200').length - 1
      if (answers === 50) break
    }
    expect([answers, ended]).toEqual([50, 50])
    expect(accepted.listenerCount('close') - before).toBeLessThanOrEqual(1)
  })
})

describe('what is no pipeline', () => {
  const handler = () => new Response()
  const NONE = [undefined, null, {}, [pipeline()]] as unknown as Pipeline[]
  it.each([
    ['toExpress', toExpress],
    ['toFastify', toFastify],
    ['toHono', toHono],
    ['toKoa', toKoa],
    ['toNode', (edge: Pipeline) => toNode(edge, () => {})],
    ['toFetch', (edge: Pipeline) => toFetch(edge, handler)],
  ])('given to %s, when it is built, then it is a ConfigError that says what was meant', (name, build) => {
    for (const edge of NONE) expect(() => build(edge)).toThrow(new RegExp(`^${name}: option "edge" is`))
  })

  it.each([
    ['toNode', () => toNode(pipeline(), undefined as never)],
    ['toFetch', () => toFetch(pipeline(), 'x' as never)],
  ])('given no handler to %s, when it is built, then it is a ConfigError', (_name, build) => {
    expect(build).toThrow(ConfigError)
  })
})
