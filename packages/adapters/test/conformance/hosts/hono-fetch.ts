import { toHono } from '../../../src/hono-fetch.js'
import { callClient } from '../client/call-client.js'
import { honoApp } from './hono-app.js'
import type { Host } from './host.js'

/** Hono away from Node, with what Workers, Bun and Deno import. */
export const honoFetch: Host = {
  name: 'hono-fetch',
  lacks: { socket: 'it is called, not connected to', upgrades: 'there is no Node server' },
  async start(scene) {
    const { app } = honoApp(scene, toHono, { peer: () => '127.0.0.1' })
    return { client: callClient(async request => app.fetch(request)), close: async () => {} }
  },
}
