import type { Context } from 'hono'
import { matchedRoutes } from 'hono/route'

type Routes = ReturnType<typeof matchedRoutes>

/**
 * What the request reached last, and what would have come behind it.
 *
 * The request itself is asked first, deprecated as that is: the helper looks under a symbol of its
 * own copy of Hono, and an application that was loaded by `require()` has another copy than this ES
 * module.
 */
function reachedBy(c: Context): Routes {
  const known: Routes | undefined = c.req.matchedRoutes
  return (known ?? matchedRoutes(c)).slice(c.req.routeIndex)
}

/**
 * The route that answered, or that would have; a handler takes (c), what takes (c, next) under
 * every method is middleware.
 */
export function templateOf(c: Context): string | undefined {
  return reachedBy(c).find(({ method, handler }) => method !== 'ALL' || handler.length < 2)?.path
}

/**
 * The path of the middleware that answered: of `app.mount()`, of static files, of a handler for
 * every method that takes (c, next). A middleware in front of everything names no path.
 */
export function mountOf(c: Context): string | undefined {
  const path = reachedBy(c)[0]?.path.replace(/\/?\*$/, '')
  return path === '' ? undefined : path
}
