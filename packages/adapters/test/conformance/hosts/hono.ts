import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { toHono } from '@palisade/adapters/hono'
import { honoApp } from './hono-app.js'
import type { Host } from './host.js'
import { listen, serverFor } from './serve.js'

export const hono: Host = {
  name: 'hono',
  lacks: {},
  async start(scene) {
    const { app, edge } = honoApp(scene, toHono, {})
    const server = createAdaptorServer({
      fetch: app.fetch,
      createServer: ((_options: object, listener: () => void) => serverFor(scene, listener)) as never,
    }) as Server
    if (scene.app.edge !== 'never') edge.handleUnroutable(server)
    return listen(scene, server, edge)
  },
}
