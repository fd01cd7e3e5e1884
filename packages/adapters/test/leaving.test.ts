import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { ConfigError, type Outcome, type Pipeline, pipeline, Reply } from '@palisade/core'
import express, { type NextFunction, type Request, type Response } from 'express'
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

/** An edge in front of something, what it saw of the end, and what it logged. */
function watched() {
  const outcomes: Outcome[] = []
  const errors: string[] = []
  const logger = {
    debug() {},
    info() {},
    warn() {},
    error: (_: object, message = '') => errors.push(message),
  }
  let end = () => {}
  const ended = new Promise<void>(resolve => {
    end = resolve
  })
  const edge = pipeline({ logger }).use({
    name: 'sees',
    onResponse(_ctx, outcome) {
      outcomes.push(outcome)
      end()
    },
  })
  return { edge, outcomes, errors, ended }
}

const UPLOAD = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{'

/** Sends, and leaves when the server has seen it. */
async function leaveAfter(listener: RequestListener, request: string): Promise<void> {
  const one = createServer(listener)
  const { client } = await listen(one)
  const asked = once(one, 'request')
  client.write(request)
  await asked
  await new Promise(resolve => setImmediate(resolve))
  client.resetAndDestroy()
}

describe('the status of an answer that nobody got', () => {
  it('given a head without a byte of its body, when the client leaves, then there is none', async () => {
    const { edge, outcomes, ended } = watched()
    await leaveAfter(
      toNode(edge, (_req, res) => res.writeHead(200, { 'X-A': '1' })),
      REQUEST,
    )
    await ended
    expect(outcomes).toMatchObject([{ status: undefined, aborted: true }])
  })

  it('given a head that was sent on its own, when the client leaves, then it is the one that was sent', async () => {
    const { edge, outcomes, ended } = watched()
    await leaveAfter(
      toNode(edge, (_req, res) => res.writeHead(201).flushHeaders()),
      REQUEST,
    )
    await ended
    expect(outcomes).toMatchObject([{ status: 201, aborted: true }])
  })

  it('given a handler that answers when it hears that the client left, when the client leaves, then there is none', async () => {
    const { edge, outcomes, ended } = watched()
    await leaveAfter(
      toNode(edge, (req, res) => void req.once('aborted', () => res.writeHead(400).end('late'))),
      UPLOAD,
    )
    await ended
    expect(outcomes).toMatchObject([{ status: undefined, aborted: true }])
  })

  it('given a body parser of Express, when the client leaves in the middle of the body, then there is none', async () => {
    const { edge, outcomes, ended } = watched()
    const app = express()
    app.use(toExpress(edge))
    app.use(express.json())
    app.use((_error: unknown, _req: Request, res: Response, _next: NextFunction) => {
      res.status(400).json({ error: 'late' })
    })
    await leaveAfter(app, UPLOAD)
    await ended
    expect(outcomes).toMatchObject([{ status: undefined, aborted: true }])
  })
})

describe('a handler that fails when the connection is gone', () => {
  it.each([
    ['with nobody who waits for the end', false],
    ['with a middleware that waits for the end', true],
  ])(
    'given one that reads the body, %s, when the client leaves, then nothing is logged as an error',
    async (_, isObserved) => {
      const { edge, errors } = watched()
      const failed = new EventEmitter()
      const thrown = once(failed, 'thrown')
      const quiet = pipeline({
        logger: { debug() {}, info() {}, warn() {}, error: () => errors.push('error') },
      })
      const handler = async (req: IncomingMessage) => {
        try {
          for await (const _ of req);
        } finally {
          failed.emit('thrown')
        }
      }
      await leaveAfter(isObserved ? toNode(edge, handler) : toNode(quiet, handler), UPLOAD)
      await thrown
      await new Promise(resolve => setImmediate(resolve))
      expect(errors).toEqual([])
    },
  )

  it('given one that tears the answer itself, when it fails after that, then its error is logged', async () => {
    const { edge, errors, ended } = watched()
    const { client } = await listen(
      createServer(
        toNode(edge, async (_req, res) => {
          res.destroy()
          await ended
          throw new Error('boom')
        }),
      ),
    )
    client.on('error', () => {}).write(REQUEST)
    await ended
    await new Promise(resolve => setImmediate(resolve))
    expect(errors).toEqual(['the handler failed'])
  })
})

describe('somebody else who answers while a middleware waits', () => {
  it('given its Reply comes after that, when it is sent, then it is dropped without a word, and the answer stands', async () => {
    const logged: unknown[] = []
    const log = (...line: unknown[]) => void logged.push(line)
    const signs = new EventEmitter()
    const ended = once(signs, 'ended')
    const edge = toNode(
      pipeline({ logger: { debug: log, info: log, warn: log, error: log } }).use({
        name: 'slow',
        async onRequest() {
          await once(signs, 'answered')
          return new Reply(403, { 'X-Late': 'yes' }, 'late')
        },
        onResponse: (_ctx, { status, aborted, error }) =>
          void signs.emit('ended', { status, aborted, error }),
      }),
      (_req, res) => res.end('handler'),
    )
    const { client } = await listen(
      createServer((req, res) => {
        edge(req, res)
        res.writeHead(200, { Connection: 'close' }).write('begun, ')
        signs.emit('answered')
        setImmediate(() => res.end('and ended'))
      }),
    )
    client.write(REQUEST)
    let received = ''
    for await (const chunk of client) received += String(chunk)
    expect(received).toMatch(/^HTTP\/1\.1 200 /)
    expect(received).toContain('and ended')
    expect(received).not.toMatch(/late/i)
    expect(await ended).toEqual([{ status: 200, aborted: false, error: undefined }])
    expect(logged).toEqual([])
  })
})

describe('what is no pipeline', () => {
  const handler = () => new globalThis.Response()
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
