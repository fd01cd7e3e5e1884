import type { Cell, HostName, Variant } from '../cells.js'
import type { Setting, Start } from './host.js'

type Load = () => Promise<{ readonly start: Start }>

/** Each is loaded on its own, so that a server process holds its own variant and nothing of the others. */
const STARTS: Readonly<Record<HostName, Readonly<Record<Variant, Load>>>> = {
  express: {
    bare: () => import('./express/bare.js'),
    floor: () => import('./express/floor.js'),
    palisade: () => import('./express/palisade.js'),
    peers: () => import('./express/peers.js'),
  },
  fastify: {
    bare: () => import('./fastify/bare.js'),
    floor: () => import('./fastify/floor.js'),
    palisade: () => import('./fastify/palisade.js'),
    peers: () => import('./fastify/peers.js'),
  },
  hono: {
    bare: () => import('./hono/bare.js'),
    floor: () => import('./hono/floor.js'),
    palisade: () => import('./hono/palisade.js'),
    peers: () => import('./hono/peers.js'),
  },
  koa: {
    bare: () => import('./koa/bare.js'),
    floor: () => import('./koa/floor.js'),
    palisade: () => import('./koa/palisade.js'),
    peers: () => import('./koa/peers.js'),
  },
}

export async function start({ host, variant }: Cell, setting: Setting) {
  const { start } = await STARTS[host][variant]()
  return start(setting)
}
