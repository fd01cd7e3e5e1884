import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

type Rewrite = (this: FastifyInstance, req: IncomingMessage) => unknown

/** Whether Fastify asks its hooks about a request, which it routes by what `rewriteUrl` makes of the target. */
export function routability(app: FastifyInstance): (req: IncomingMessage) => boolean {
  const longest = longestParameter(app)
  const rewrite = rewriteOf(app)
  return req => {
    const { url = '/' } = req
    if (isRoutable(url, longest)) return true
    return rewrite !== undefined && isRoutable(rewritten(app, rewrite, req) ?? url, longest)
  }
}

/** Fastify's default is 100; both places are where it was configured in the lifetime of version 5. */
function longestParameter(app: FastifyInstance): number {
  const { maxParamLength, routerOptions } = app.initialConfig as {
    maxParamLength?: number
    routerOptions?: { maxParamLength?: number }
  }
  return routerOptions?.maxParamLength ?? maxParamLength ?? 100
}

/**
 * The team's `rewriteUrl`. Fastify keeps its options under a symbol that it does not export. Where they are
 * not found, the pipeline runs on the target as it came, and again on what Fastify made of it.
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

/** `undefined` where it fails: Fastify hears of that when it asks. */
function rewritten(app: FastifyInstance, rewrite: Rewrite, req: IncomingMessage): string | undefined {
  try {
    const url = rewrite.call(app, req)
    return typeof url === 'string' ? url : undefined
  } catch {
    return undefined
  }
}

/**
 * Whether Fastify asks its hooks about a target. It answers 400 without them where the target cannot be decoded or is no path and no URL, and 414 where
 * a parameter is over `maxParamLength`.
 */
function isRoutable(target: string, longestParameter: number): boolean {
  // An absolute URL may be one that Fastify takes, but strangers send it so seldom that it need not be known.
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
