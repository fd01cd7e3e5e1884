import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { toHono } from '@palisade/adapters/hono'
import { toNode } from '@palisade/adapters/node'
import { pipeline } from '@palisade/core'
import { afterEach, expect, test } from 'vitest'

let server: Server

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

/** As a graceful shutdown does, or a tracing agent. */
function wrapEmit(one: Server): void {
  const { emit } = one
  one.emit = ((...event: Parameters<typeof emit>) => emit.apply(one, event)) as typeof emit
}

async function write(request: string): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.write(request)
  await once(client.resume(), 'close')
}

test('given emit that somebody wrapped after the edge when the edge is taken from the upgrades then none passes it', async () => {
  let ran = 0
  const edge = toNode(pipeline().use({ name: 'counts', onRequest: () => void ran++ }), () => {})
  server = createServer().on('upgrade', (_req, socket) => socket.end())
  const release = edge.handleUpgrade(server)
  wrapEmit(server)
  release()
  await write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  expect(ran).toBe(0)
})

test('given emit that somebody wrapped after the edge when the edge is taken from what the host does not route then none passes it', async () => {
  let ran = 0
  const edge = toHono(pipeline().use({ name: 'counts', onRequest: () => void ran++ }))
  server = createServer((_req, res) => res.writeHead(400, { Connection: 'close' }).end())
  const release = edge.handleUnroutable(server)
  wrapEmit(server)
  release()
  await write('GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n')
  expect(ran).toBe(0)
})
