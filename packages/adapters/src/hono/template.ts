import type { Context } from 'hono'
import { matchedRoutes } from 'hono/route'

/**
 * The route that answered, or that would have; a handler takes (c), what takes (c, next) under every method is middleware.
 *
 * The request itself is asked first, deprecated as that is: the helper looks under a symbol of its own copy of Hono, and an application
 * that was loaded by `require()` has another copy than this ES module.
 */
export function templateOf(c: Context): string | undefined {
  const known: ReturnType<typeof matchedRoutes> | undefined = c.req.matchedRoutes
  const reached = (known ?? matchedRoutes(c)).slice(c.req.routeIndex)
  return reached.find(({ method, handler }) => method !== 'ALL' || handler.length < 2)?.path
}
