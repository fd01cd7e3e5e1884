import { type Check, object, optional, Reply, type RequestContext, text } from '@palisade/core/middleware'
import { prefersHtml } from './accept.js'
import { safeReturnTo } from './return-to.js'
import { searchOf } from './search.js'

export interface LoginOptions {
  /** The login page, on the same origin: `/auth/login`. */
  path: string
  /** The query parameter that carries where the user wanted to go. Default `returnTo`. */
  parameter?: string
}

export type Login = { readonly path: string; readonly parameter: string }

export const loginOptions: Check<Login> = object({
  path: text({ pattern: /^(?:\/[\w.~-]+)+$/, allowed: 'a path such as "/auth/login"', max: 200 }),
  parameter: optional(
    text({ pattern: /^[\w-]{1,40}$/, allowed: 'a query parameter such as "returnTo"' }),
    'returnTo',
  ),
})

/**
 * The way to the login page for a person with a browser: only a navigation that reads, and whose
 * `Accept` ranks HTML over JSON. A script's `fetch`, an image or a POST gets its 401, since a
 * redirect would hide it. `undefined` for those, and on the login page itself.
 */
export function loginRedirect(
  ctx: RequestContext,
  { path, parameter }: Login,
  secretParameters: ReadonlySet<string>,
): Reply | undefined {
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return undefined
  const destination = ctx.header('sec-fetch-mode')
  if (destination !== undefined && destination !== 'navigate') return undefined
  if (!prefersHtml(ctx.header('accept')) || ctx.path === path) return undefined
  const search = searchOf(ctx.url, secretParameters)
  const returnTo = safeReturnTo(ctx.path + search)
  const query = returnTo === '/' ? '' : `?${parameter}=${encodeURIComponent(returnTo)}`
  return new Reply(303, { Location: path + query, 'Cache-Control': 'no-store' })
}
