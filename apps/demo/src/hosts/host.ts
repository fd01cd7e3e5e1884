import type { OrderBook } from '../orders.js'
import type { Protection } from '../protection.js'

export interface Running {
  readonly port: number
  close(): Promise<void>
}

/** The same server on each host: binds the protection and the routes, and listens. */
export type StartHost = (protection: Protection, orders: OrderBook, port: number) => Promise<Running>
