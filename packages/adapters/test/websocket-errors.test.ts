import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastifyWebsocket, { type WebsocketPluginOptions } from '@fastify/websocket'
import { createAdaptorServer, getRequestListener, upgradeWebSocket as honoUpgrade } from '@hono/node-server'
import { createNodeWebSocket } from '@hono/node-ws'
import { type FastifyEdge, toFastify } from '@palisade/adapters/fastify'
import { type HonoEdge, toHono } from '@palisade/adapters/hono'
import { type Outcome, pipeline } from '@palisade/core'
import Fastify from 'fastify'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

/** A pipeline, and all that it reports until its first request has ended. */
function watched() {
  const logs: string[] = []
  const errors: unknown[] = []
  let end: (outcome: Outcome) => void = () => {}
  const ended = new Promise<Outcome>(resolve => {
    end = resolve
  })
  const write = (fields: object, message = '') =>
    void logs.push(`${message}: ${(fields as { err?: Error }).err?.message}`)
  const logger = { debug() {}, info() {}, warn: write, error: write }
  const edge = pipeline({ logger }).use({ name: 'a', onResponse: (_ctx, outcome) => end(outcome) })
  edge.events.on('request:error', ({ error }) => errors.push((error as Error).message))
  return { edge, logs, errors, ended }
}

async function connectTo(server: Server): Promise<void> {
  if (!server.listening) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/chat`)
  open.push(() => client.terminate())
  client.on('open', () => client.send('hello'))
  client.on('message', () => client.terminate())
  client.on('error', () => {})
  await new Promise(resolve => client.once('close', resolve))
}

const fail = (): never => {
  throw new Error('boom')
}
const HANDLERS = { throws: fail, rejects: async () => fail() }

describe.each(Object.entries(HANDLERS))(
  'given a WebSocket handler of @fastify/websocket that %s',
  (_, handler) => {
    async function serve(edge: FastifyEdge<object>, options: WebsocketPluginOptions) {
      const app = Fastify()
      open.push(() => app.close())
      await app.register(edge)
      await app.register(fastifyWebsocket, options)
      app.get('/chat', { websocket: true }, handler)
      await app.ready()
      await connectTo(app.server)
    }

    test('then the edge does not see the error', async () => {
      const { edge, logs, errors, ended } = watched()
      await serve(toFastify(edge), {})
      expect(await ended).toMatchObject({ status: 101, error: undefined })
      expect([logs, errors]).toEqual([[], []])
    })

    test('when the errorHandler of the plugin reports it, then it is logged, emitted and in the outcome', async () => {
      const { edge, logs, errors, ended } = watched()
      const mounted = toFastify(edge)
      await serve(mounted, {
        errorHandler(error, socket, request) {
          mounted.report(error, request)
          socket.terminate()
        },
      })
      expect(await ended).toMatchObject({ status: 101, error: { message: 'boom' } })
      expect([logs, errors]).toEqual([['the handler failed: boom'], ['boom']])
    })
  },
)

interface Socket {
  close(): void
}
type Events = Record<'onOpen' | 'onMessage', (event: unknown, socket: Socket) => void>
type Upgrade = (make: (c: Context) => Partial<Events>) => MiddlewareHandler

const servers: Record<string, (app: Hono) => { upgrade: Upgrade; start(): Server }> = {
  '@hono/node-server': app => ({
    upgrade: honoUpgrade as unknown as Upgrade,
    start() {
      const websocket = { server: new WebSocketServer({ noServer: true }) as never }
      return createAdaptorServer({ fetch: app.fetch, websocket }) as Server
    },
  }),
  '@hono/node-ws'(app) {
    const { injectWebSocket, upgradeWebSocket } = createNodeWebSocket({ app })
    return {
      upgrade: upgradeWebSocket as unknown as Upgrade,
      start() {
        const server = createServer(getRequestListener(app.fetch))
        injectWebSocket(server as never)
        return server
      },
    }
  },
}

describe.each(Object.entries(servers))('given WebSockets of %s', (_, make) => {
  async function serve(
    edge: HonoEdge<object>,
    events: (c: Context) => Partial<Events>,
  ): Promise<readonly unknown[]> {
    const app = new Hono()
    const { upgrade, start } = make(app)
    app.use(edge).get('/chat', upgrade(events))
    const written = vi.spyOn(console, 'error').mockImplementation(() => {})
    open.push(() => written.mockRestore())
    const server = start()
    open.push(() => server.close())
    await connectTo(server)
    return written.mock.calls.flat()
  }

  test('when the function that makes the events throws, then the edge sees it, as before any answer', async () => {
    const { edge, logs, errors, ended } = watched()
    await serve(toHono(edge), fail)
    expect(await ended).toMatchObject({ status: 500, error: { message: 'boom' } })
    expect([logs, errors]).toEqual([['the handler failed: boom'], ['boom']])
  })

  test.each(['onOpen', 'onMessage'] as const)(
    'when %s throws, then the edge does not see it: the library writes it',
    async event => {
      const { edge, logs, errors, ended } = watched()
      const throws = (_event: unknown, socket: Socket) => {
        socket.close()
        fail()
      }
      const written = await serve(toHono(edge), () => ({ [event]: throws }))
      expect(await ended).toMatchObject({ status: 101, error: undefined })
      expect([logs, errors, String(written)]).toEqual([[], [], 'Error: boom'])
    },
  )

  test('when the event reports its error, then it is logged, emitted and in the outcome', async () => {
    const { edge, logs, errors, ended } = watched()
    const mounted = toHono(edge)
    const written = await serve(mounted, c => ({
      onMessage(_event, socket) {
        mounted.report(new Error('boom'), c)
        socket.close()
      },
    }))
    expect(await ended).toMatchObject({ status: 101, error: { message: 'boom' } })
    expect([logs, errors, written]).toEqual([['the handler failed: boom'], ['boom'], []])
  })
})
