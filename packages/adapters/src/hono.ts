import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Pipeline } from '@palisade/core'
import type { Context } from 'hono'
import { type HonoEdge, type HonoOptions, type HonoPlatform, honoEdge } from './hono/edge.js'
import { HonoInnerContext } from './hono/inner-context.js'
import { HonoNodeContext } from './hono/node-context.js'
import { NodesRequests } from './hono/nodes-requests.js'
import { isRoutable } from './hono/routable.js'
import { HonoUpgradeContext } from './hono/upgrade-context.js'
import { addressOf, HonoWebContext } from './hono/web-context.js'
import { connectMiddleware, orConnect } from './node-http/connect.js'
import { NodeContext } from './node-http/node-context.js'
import { guardUnroutable } from './node-http/unroutable.js'
import { guardUpgrades } from './node-http/upgrade.js'
import { isUpgrade } from './node-http/upgrade-status.js'

export type { HonoEdge, HonoOptions } from './hono/edge.js'

/**
 * A pipeline as Hono middleware. Mount it first: `app.use(edge)`; a branch goes in front of the
 * routes it is for.
 *
 * On `@hono/node-server` it works on Node's own request and response: no `Headers` are made, and
 * early headers are on every response. Elsewhere headers wait for the response. On Workers, Deno
 * and Bun the same import loads nothing of Node.
 *
 *     const edge = toHono(pipeline().use(requestId()))
 *     app.use(edge)
 *     app.get('/me', c => c.json(edge.state(c)))
 *
 * @throws ConfigError
 */
export function toHono<State extends object>(
  edge: Pipeline<State>,
  options: HonoOptions = {},
): HonoEdge<State> {
  return honoEdge(edge, options, onNode())
}

/** What `@hono/node-server` puts into `c.env`. */
interface NodeBindings {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

function nodeOf(c: Context): NodeBindings | undefined {
  const env = c.env as Partial<NodeBindings> | undefined
  return env?.incoming !== undefined && env.outgoing !== undefined ? (env as NodeBindings) : undefined
}

/** The request of an upgrade that comes without a response, from Hono's own WebSockets. */
function upgradeOf(c: Context): IncomingMessage | undefined {
  const { incoming } = (c.env ?? {}) as Partial<NodeBindings>
  return incoming !== undefined && isUpgrade(incoming) ? incoming : undefined
}

function onNode(): HonoPlatform {
  const requests = new NodesRequests()
  return {
    contextFor(pipeline, c, peer) {
      const node = nodeOf(c)
      if (node === undefined) {
        const upgrade = upgradeOf(c)
        return upgrade === undefined
          ? new HonoWebContext(pipeline.root, c, addressOf(c, peer))
          : new HonoUpgradeContext(pipeline.root, c, addressOf(c, peer), upgrade)
      }
      const { incoming, outgoing } = node
      const outer = pipeline.contextOf(incoming)
      // A request that the application made: nothing of Node's own says its target or gets its
      // answer.
      if (!requests.has(c.req.raw, incoming)) {
        const around =
          outer instanceof NodeContext ? outer : new NodeContext(pipeline.root, incoming, outgoing)
        return new HonoInnerContext(pipeline.root, c, around)
      }
      if (outer instanceof HonoNodeContext && !outer.isMet) return outer
      if (outer instanceof NodeContext) return new HonoInnerContext(pipeline.root, c, outer)
      const ctx = new HonoNodeContext(pipeline.root, incoming, outgoing, requests)
      pipeline.attach(incoming, ctx)
      return ctx
    },
    withConnect(pipeline, middleware) {
      const connect = connectMiddleware(pipeline)
      return { entry: orConnect(middleware, connect), middleware: connect }
    },
    handleUpgrade: guardUpgrades,
    handleUnroutable: (pipeline, server) =>
      guardUnroutable(
        pipeline,
        server,
        isRoutable,
        (req, res) => new HonoNodeContext(pipeline.root, req, res, requests),
      ),
  }
}
