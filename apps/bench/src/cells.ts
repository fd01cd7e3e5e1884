/** The servers that are measured against each other. */
export const HOSTS = ['express', 'fastify', 'hono', 'koa'] as const
export type HostName = (typeof HOSTS)[number]

/** What stands in front of the same route. The order is that of the report. */
export const VARIANTS = ['bare', 'floor', 'palisade', 'peers'] as const
export type Variant = (typeof VARIANTS)[number]

/** One server process. */
export interface Cell {
  readonly host: HostName
  readonly variant: Variant
}

export const nameOf = ({ host, variant }: Cell): string => `${host}/${variant}`
