import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

type Rewrite = (this: FastifyInstance, req: IncomingMessage) => unknown

/** What is known of a request before Fastify has routed it. */
export interface Routability {
  /**
   * Whether Fastify runs its hooks on the request, which it routes by what `rewriteUrl` makes of
   * it.
   */
  isRoutable(req: IncomingMessage): boolean
  /** What `rewriteUrl` made of the target of a request that is not routable. */
  rewrittenTarget(req: IncomingMessage): string | undefined
}

export function routability(app: FastifyInstance): Routability {
  const longest = longestParameter(app)
  const rewrite = rewriteOf(app)
  if (rewrite === undefined)
    return {
      isRoutable: ({ url = '/' }) => isRoutable(url, longest),
      rewrittenTarget: () => undefined,
    }
  const targets = new WeakMap<IncomingMessage, string>()
  return {
    isRoutable(req) {
      const target = rewritten(app, rewrite, req)
      if (isRoutable(target ?? req.url ?? '/', longest)) return true
      if (target !== undefined) targets.set(req, target)
      return false
    },
    rewrittenTarget: req => targets.get(req),
  }
}

/**
 * Fastify's default is 100; both places are where it was configured in the lifetime of version 5.
 */
function longestParameter(app: FastifyInstance): number {
  const { maxParamLength, routerOptions } = app.initialConfig as {
    maxParamLength?: number
    routerOptions?: { maxParamLength?: number }
  }
  return routerOptions?.maxParamLength ?? maxParamLength ?? 100
}

/**
 * The team's `rewriteUrl`. Fastify keeps its options under a symbol that it does not export. Where
 * they are not found, the pipeline runs on the target as it came, and again on what Fastify made of
 * it.
 */
function rewriteOf(app: FastifyInstance): Rewrite | undefined {
  for (let at: object | null = app; at !== null; at = Object.getPrototypeOf(at)) {
    const key = Object.getOwnPropertySymbols(at).find(one => one.description === 'fastify.options')
    if (key === undefined) continue
    const { rewriteUrl } = (at as Record<symbol, { rewriteUrl?: unknown }>)[key] ?? {}
    return typeof rewriteUrl === 'function' ? (rewriteUrl as Rewrite) : undefined
  }
  return undefined
}

/**
 * `undefined` where the rewrite fails: Fastify calls it again and handles the failure. The rewrite
 * may have set `req.url`, which must be as it was when Fastify calls it.
 */
function rewritten(app: FastifyInstance, rewrite: Rewrite, req: IncomingMessage): string | undefined {
  const before = req.url
  try {
    const url = rewrite.call(app, req)
    return typeof url === 'string' ? url : undefined
  } catch {
    return undefined
  } finally {
    if (req.url !== before) Object.assign(req, { url: before })
  }
}

/**
 * Whether Fastify asks its hooks about a target. It answers 400 without them where the target
 * cannot be decoded or is no path and no URL, and 414 where a parameter is over `maxParamLength`.
 */
function isRoutable(target: string, longestParameter: number): boolean {
  // An absolute URL may be one that Fastify takes, but clients send it so seldom that it need not
  // be known.
  if (target.charCodeAt(0) !== 47) return false
  const hasEscapes = target.includes('%')
  if (!hasEscapes && target.length <= longestParameter) return true
  const query = target.search(/[?#]/)
  const path = query < 0 ? target : target.slice(0, query)
  if (path.split('/').some(segment => segment.length > longestParameter)) return false
  if (!hasEscapes) return true
  try {
    decodeURI(path)
    return true
  } catch {
    return false
  }
}
