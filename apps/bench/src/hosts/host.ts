import type { Server } from 'node:http'

/** What a variant is given. Everything else is the same for all, so that they can be compared. */
export interface Setting {
  /** Requests that one client may make in `WINDOW_MS`. */
  readonly limit: number
  /** Of who signs the tokens, as PEM (SPKI). The edge stack asks for no tokens. */
  readonly publicKey: string
}

/**
 * Builds the host with one variant in front of the route and resolves when it listens on a free
 * port of the loopback interface.
 */
export type Start = (setting: Setting) => Promise<Server>

export const PATH = '/orders'
export const METRICS_PATH = '/metrics'
export const BODY = { id: 4711, status: 'shipped', total: '19.90', currency: 'EUR' } as const

export const ORIGINS = [
  'https://app.example.com',
  'https://admin.example.com',
  'https://example.com',
] as const
export const WINDOW_MS = 60_000
export const PERMISSIONS = 'camera=(), geolocation=(), microphone=()'

export const ISSUER = 'https://login.example.com'
export const AUDIENCE = 'https://orders.example.com'
export const SCOPE = 'orders:read'
/** Upper bounds in seconds of the histogram of durations, the same for all. */
export const DURATIONS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const
/** So many wrong tokens within `STRIKES_WITHIN_MS` ban for `BAN_MS`. */
export const MOST_STRIKES = 5
export const STRIKES_WITHIN_MS = 600_000
export const BAN_MS = 3_600_000

export const LOOPBACK = '127.0.0.1'

/** A host's `listen` as a promise. */
export function listening(server: Server): Promise<Server> {
  if (server.listening) return Promise.resolve(server)
  return new Promise((resolve, reject) => {
    server.once('listening', () => resolve(server)).once('error', reject)
  })
}
