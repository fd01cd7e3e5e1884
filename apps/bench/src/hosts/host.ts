import type { Server } from 'node:http'

/** What a variant is given. Everything else is the same for all, so that they can be compared. */
export interface Setting {
  /** Requests that one client may make in `WINDOW_MS`. */
  readonly limit: number
}

/** Builds the host with one variant in front of the route and resolves when it listens on a free port of the loopback interface. */
export type Start = (setting: Setting) => Promise<Server>

export const PATH = '/orders'
export const BODY = { id: 4711, status: 'shipped', total: '19.90', currency: 'EUR' } as const

export const ORIGINS = [
  'https://app.example.com',
  'https://admin.example.com',
  'https://example.com',
] as const
export const WINDOW_MS = 60_000
export const PERMISSIONS = 'camera=(), geolocation=(), microphone=()'

export const LOOPBACK = '127.0.0.1'

/** A host's `listen` as a promise. */
export function listening(server: Server): Promise<Server> {
  if (server.listening) return Promise.resolve(server)
  return new Promise((resolve, reject) => {
    server.once('listening', () => resolve(server)).once('error', reject)
  })
}
