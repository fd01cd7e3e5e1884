import { callClient } from '../client/call-client.js'
import { honoApp } from './hono-app.js'
import type { Host } from './host.js'

/** Hono away from Node: on Workers, Bun, Deno, and in `app.request()`. */
export const honoFetch: Host = {
  name: 'hono-fetch',
  lacks: { socket: 'it is called, not connected to', upgrades: 'there is no Node server' },
  async start(scene) {
    const { app } = honoApp(scene, { peer: () => '127.0.0.1' })
    return { client: callClient(async request => app.fetch(request)), close: async () => {} }
  },
}
