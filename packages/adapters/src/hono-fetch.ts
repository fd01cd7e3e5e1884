import type { Pipeline } from '@palisade/core'
import { type HonoEdge, type HonoOptions, type HonoPlatform, honoEdge } from './hono/edge.js'
import { addressOf, HonoWebContext } from './hono/web-context.js'

export type { HonoEdge, HonoOptions } from './hono/edge.js'

/**
 * `toHono` for platforms other than Node, which get this module under the same name: it imports
 * nothing of Node.
 */
export function toHono<State extends object>(
  edge: Pipeline<State>,
  options: HonoOptions = {},
): HonoEdge<State> {
  return honoEdge(edge, options, FETCH)
}

const FETCH: HonoPlatform = {
  contextFor: ({ root }, c, peer) => new HonoWebContext(root, c, addressOf(c, peer)),
  withConnect: (_pipeline, middleware) => ({
    entry: middleware,
    middleware: () => needsNode('middleware'),
  }),
  handleUpgrade: () => needsNode('handleUpgrade'),
  handleUnroutable: () => needsNode('handleUnroutable'),
}

function needsNode(name: string): never {
  throw new Error(
    `${name}() needs Node: this module was resolved without the condition "node", by a bundler or another runtime`,
  )
}
