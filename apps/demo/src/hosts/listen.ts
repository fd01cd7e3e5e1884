import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Running } from './host.js'

/**
 * Waits until a Node server listens; how it is closed is alike for Express, Koa, Hono and
 * node:http.
 */
export async function listening(server: Server): Promise<Running> {
  if (!server.listening) await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    server,
    close: () =>
      new Promise(resolve => {
        // Its only error is that the server is closed already.
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
  }
}
