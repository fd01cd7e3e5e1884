import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from '@palisade/core'
import { ipFilter } from '@palisade/failban'
import { rateLimit } from '@palisade/ratelimit'
import { afterEach, describe, expect, test } from 'vitest'
import { Ends, listenOn, type Mounted, nodeHosts } from './node-hosts.js'

const running: { server: Server; mounted: Mounted }[] = []

afterEach(async () => {
  for (const { server, mounted } of running.splice(0)) {
    server.closeAllConnections()
    server.close()
    await mounted.close()
  }
})

/**
 * What Node says of a connection that was reset before its request is read: it has an address of
 * its own only.
 */
function forgetPeer(socket: Socket): void {
  Object.defineProperty(socket, 'remoteAddress', { value: undefined })
}

const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

describe.each(nodeHosts)('a client that disconnected before its request was read on $name', host => {
  test.each([
    ['with nobody who waits for the end', false],
    ['with a middleware that waits for the end', true],
  ])(
    'given no middleware that judges, %s, when its request comes then no handler runs',
    async (_, isObserved) => {
      const ends = new Ends()
      let handled = 0
      const first = pipeline({ logger: ends.logger })
      const edge = isObserved ? first.use(ends.middleware) : first
      const started: string[] = []
      if (isObserved)
        for (const name of ['request:start', 'request:end'] as const)
          edge.events.on(name, () => void started.push(name))
      const mounted = await host.mount(edge, () => handled++)
      const server = createServer(mounted.listener)
      running.push({ server, mounted })
      server.prependListener('connection', forgetPeer)
      const port = await listenOn(server)
      const client = connect(port, '127.0.0.1')
      client.write(REQUEST.repeat(3))
      await once(client.resume(), 'close')
      expect(handled).toBe(0)
      expect(ends.starts).toBe(0)
      const pairs = started.filter((_name, i) => i % 2 === 0).map(() => ['request:start', 'request:end'])
      expect(started).toEqual(pairs.flat())
      expect(ends.errors).toEqual([])
    },
  )

  test('given a rate limit, a deny list and a storm of resets when the requests are read then few handlers run', async () => {
    const ends = new Ends()
    let handled = 0
    const edge = pipeline({ logger: ends.logger })
      .use(ends.middleware)
      .use(rateLimit({ limit: 3, window: '1h' }))
      .use(ipFilter({ deny: ['203.0.113.0/24'] }))
    const mounted = await host.mount(edge, () => handled++)
    const server = createServer(mounted.listener)
    running.push({ server, mounted })
    const port = await listenOn(server)
    const closed: Promise<unknown>[] = []
    server.on('connection', (socket: Socket) => {
      closed.push(new Promise(resolve => socket.once('close', resolve)))
    })
    const gone = Array.from(
      { length: 100 },
      () =>
        new Promise<void>(resolve => {
          const client = connect(port, '127.0.0.1', () => {
            client.write(REQUEST)
            client.resetAndDestroy()
          })
          client.once('error', () => {}).once('close', () => resolve())
        }),
    )
    await Promise.all(gone)
    await new Promise<void>(resolve => {
      const look = () =>
        server.getConnections((_error, count) => (count === 0 ? resolve() : setImmediate(look)))
      look()
    })
    await Promise.all(closed)
    expect(handled).toBeLessThanOrEqual(3)
    expect(ends.outcomes).toHaveLength(ends.starts)
    expect(ends.errors).toEqual([])
  })

  test('given a server on a Unix socket when a client comes then it is served, since it has no address to lose', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'palisade-'))
    const ends = new Ends()
    const mounted = await host.mount(pipeline({ logger: ends.logger }).use(ends.middleware))
    const server = createServer(mounted.listener)
    running.push({ server, mounted })
    const path = join(folder, 'socket')
    server.listen(path)
    await once(server, 'listening')
    const client = connect(path)
    client.write(REQUEST)
    expect(String((await once(client, 'data')).at(0))).toMatch(/^HTTP\/1\.1 200 /)
    client.destroy()
    await rm(folder, { recursive: true })
  })
})
