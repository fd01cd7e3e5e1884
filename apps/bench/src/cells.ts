/** The servers that are measured against each other. */
export const HOSTS = ['express', 'fastify', 'hono', 'koa'] as const
export type HostName = (typeof HOSTS)[number]

/** What stands in front of the same route. The order is that of the report. */
export const VARIANTS = ['bare', 'floor', 'palisade', 'peers'] as const
export type Variant = (typeof VARIANTS)[number]

/**
 * How much stands there. `edge`: request id, security headers, CORS, rate limit. `full`: these, and
 * metrics, bans, JWT and a scope guard.
 */
export const STACKS = ['edge', 'full'] as const
export type StackName = (typeof STACKS)[number]

/** One server process. */
export interface Cell {
  readonly stack: StackName
  readonly host: HostName
  readonly variant: Variant
}

export const nameOf = ({ stack, host, variant }: Cell): string => `${stack} ${host}/${variant}`
