import type { Cell, HostName, StackName, Variant } from '../cells.js'
import type { Setting, Start } from './host.js'

type Load = () => Promise<{ readonly start: Start }>
type Variants = Readonly<Record<Variant, Load>>

/**
 * Each is loaded on its own, so that a server process holds its own variant and nothing of the
 * others.
 */
const STARTS: Readonly<Record<HostName, Readonly<Record<StackName, Variants>>>> = {
  express: {
    edge: {
      bare: () => import('./express/bare.js'),
      floor: () => import('./express/floor.js'),
      palisade: () => import('./express/palisade.js'),
      peers: () => import('./express/peers.js'),
    },
    full: {
      bare: () => import('./express/bare.js'),
      floor: () => import('./express/full/floor.js'),
      palisade: () => import('./express/full/palisade.js'),
      peers: () => import('./express/full/peers.js'),
    },
  },
  fastify: {
    edge: {
      bare: () => import('./fastify/bare.js'),
      floor: () => import('./fastify/floor.js'),
      palisade: () => import('./fastify/palisade.js'),
      peers: () => import('./fastify/peers.js'),
    },
    full: {
      bare: () => import('./fastify/bare.js'),
      floor: () => import('./fastify/full/floor.js'),
      palisade: () => import('./fastify/full/palisade.js'),
      peers: () => import('./fastify/full/peers.js'),
    },
  },
  hono: {
    edge: {
      bare: () => import('./hono/bare.js'),
      floor: () => import('./hono/floor.js'),
      palisade: () => import('./hono/palisade.js'),
      peers: () => import('./hono/peers.js'),
    },
    full: {
      bare: () => import('./hono/bare.js'),
      floor: () => import('./hono/full/floor.js'),
      palisade: () => import('./hono/full/palisade.js'),
      peers: () => import('./hono/full/peers.js'),
    },
  },
  koa: {
    edge: {
      bare: () => import('./koa/bare.js'),
      floor: () => import('./koa/floor.js'),
      palisade: () => import('./koa/palisade.js'),
      peers: () => import('./koa/peers.js'),
    },
    full: {
      bare: () => import('./koa/bare.js'),
      floor: () => import('./koa/full/floor.js'),
      palisade: () => import('./koa/full/palisade.js'),
      peers: () => import('./koa/full/peers.js'),
    },
  },
}

export async function start({ stack, host, variant }: Cell, setting: Setting) {
  const { start } = await STARTS[host][stack][variant]()
  return start(setting)
}
