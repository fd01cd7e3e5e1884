import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { certificate } from '../client/certificate.js'
import { socketClient } from '../client/socket-client.js'
import type { Running, Scene } from './host.js'

/** A server for a host's listener: plain or encrypted, as the scene wants it. */
export function serverFor({ app }: Scene, listener?: RequestListener): Server {
  return app.tls === true ? createSecureServer(certificate(), listener) : createServer(listener)
}

interface Upgrades {
  state(request: IncomingMessage): object
  handleUpgrade(server: Server): () => void
}

/** Listens on a free port; with WebSockets behind the edge where the scene wants them. */
export async function listen(scene: Scene, server: Server, edge: Upgrades): Promise<Running> {
  const { webSockets = false, listenOn = '127.0.0.1', tls = false } = scene.app
  const sockets = webSockets ? echo(server, edge) : undefined
  // Behind the listeners on purpose: the order must not matter.
  if (webSockets) edge.handleUpgrade(server)
  server.listen(0, listenOn)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    client: socketClient(port, { host: '127.0.0.1', tls }),
    async close() {
      for (const socket of sockets?.clients ?? []) socket.terminate()
      server.closeAllConnections()
      server.close()
      if (server.listening) await once(server, 'close')
    },
  }
}

/** Says what it hears, and knows who it is that it hears. */
function echo(server: Server, edge: Upgrades): WebSocketServer {
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, request) => {
    const isKnown = typeof edge.state(request) === 'object'
    socket.on('message', data => socket.send(isKnown ? String(data) : 'who are you?'))
  })
  return sockets
}
