import type { Server } from 'node:http'
import type { OrderBook } from '../orders.js'
import type { People } from '../people.js'
import type { Protection } from '../protection.js'

export interface Shop {
  readonly orders: OrderBook
  readonly people: People
}

export interface Running {
  readonly port: number
  /** For the graceful shutdown, which closes it. */
  readonly server: Server
  /** Closes the server, if it is open still, and what the host has opened besides. */
  close(): Promise<void>
}

export const LOOPBACK = '127.0.0.1'

/**
 * The same server on each host: binds the protection and the routes, and listens on `host`, by
 * default on loopback.
 */
export type StartHost = (protection: Protection, shop: Shop, port: number, host?: string) => Promise<Running>
