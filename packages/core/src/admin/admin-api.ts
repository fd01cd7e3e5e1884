import type { RequestContext } from '../contract/context.js'
import type { Middleware } from '../contract/middleware.js'
import { isReply, type Reply } from '../contract/reply.js'
import { challengeOf } from '../errors/challenge.js'
import { RequestError } from '../errors/request-error.js'
import { messageOf, refusalOf } from '../errors/statuses.js'
import { isPromise, type MaybePromise } from '../kernel/maybe-promise.js'
import {
  type Check,
  type Checked,
  callback,
  checkOptions,
  refuse as refuseOption,
  text,
} from '../options/check.js'
import type { Decision, Guard } from '../vocabulary/guard.js'
import type { Identity } from '../vocabulary/identity.js'
import { checkQuery, type FieldRules } from './check-fields.js'
import { isFromOtherSite } from './cross-site.js'
import { privateNetworks } from './private-networks.js'

export interface AdminOptions<Needs extends object = {}> {
  /** Where it is mounted, from the root of the origin: `/admin/security`. */
  path: string
  /** Who may use it. There is no default: an admin API that anybody may use is a mistake. */
  authorize: Guard<RequestContext<Needs>>
}

/**
 * `params` are the decoded segments that the route names, `/:id`; `query` has the checked
 * parameters of a route that reads some.
 */
export type AdminHandler<Query extends object = {}> = (
  ctx: RequestContext,
  params: Readonly<Record<string, string>>,
  query: Query,
) => MaybePromise<Reply>

/**
 * A route that reads a query: `withQuery` makes one. `any` takes what comes, for clients that send
 * parameters of their own.
 */
export interface QueryRoute {
  readonly query: Readonly<Record<string, Check<unknown>>> | 'any'
  readonly handle: AdminHandler<never>
}

type AdminRoute = AdminHandler | QueryRoute

/**
 * Path templates below the mount to handlers by method:
 * `{ '/': { GET: withQuery({ limit }, list), POST: create }, '/:id': { GET: show } }`. A plain
 * handler reads no query, and is not called for a request that has one.
 */
export type AdminRoutes = Readonly<Record<string, Readonly<Record<string, AdminRoute>>>>

/** A handler that reads the query, by the same checks that `checkQuery` takes. */
export function withQuery<S extends Record<string, Check<unknown>>>(
  query: S,
  handle: AdminHandler<Checked<S>>,
): QueryRoute {
  return { query, handle }
}

/**
 * A small JSON API that a middleware serves itself: everything under `path` is answered here, all
 * else goes on.
 *
 * Fails closed: `authorize` is asked before anything is revealed, even whether a route exists. An
 * error that it throws is a 500, and a promise is awaited, never taken for true. HEAD counts as
 * GET, another method is a 405 with `Allow`, and no answer is stored by a cache. A query that the
 * route does not read is refused before anything is done: otherwise `?dryRun=true` would be ignored
 * and the change made.
 *
 * A page of another site cannot use a login that the browser adds automatically (Basic, a cookie):
 * its requests that change something are a 403 (`isFromOtherSite`). Behind a proxy, own pages are
 * recognized by the scheme and host that `trust` reads.
 *
 * @param owner the factory that the team called, for `ConfigError`
 * @param rules how a faulty query is answered
 * @throws ConfigError if `path` is no path, or without `authorize`
 */
export function adminApi<Needs extends object = {}>(
  owner: string,
  options: AdminOptions<Needs>,
  routes: AdminRoutes,
  rules: FieldRules = {},
): Middleware<Needs> {
  const { path, authorize } = checkOptions(owner, options, {
    path: text({
      pattern: /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/,
      allowed: 'a path such as "/admin/security"',
      max: 200,
    }),
    authorize: guard,
  })
  const table = Object.entries(routes).map(([template, methods]) => ({
    template: template === '/' ? path : path + template,
    parts: partsOf(template),
    methods,
  }))

  return {
    name: owner,
    onRequest(context) {
      const ctx = context as RequestContext
      const below = pathBelow(path, ctx.path)
      if (below === undefined) return undefined
      ctx.answersAt(path)
      ctx.setHeader('Cache-Control', 'no-store')
      const decision = authorize(ctx)
      if (isPromise(decision))
        return Promise.resolve(decision).then(settled => enter(ctx, settled as Decision | boolean, below))
      return enter(ctx, decision as Decision | boolean, below)
    },
  }

  function enter(ctx: RequestContext, decision: Decision | boolean, below: string): MaybePromise<Reply> {
    if (!isAllowed(decision)) return refuse(ctx, decision)
    if (isFromOtherSite(ctx)) return forbid(ctx, 'cross-site', OTHER_SITE)
    ctx.allowed(owner)
    const segments = partsOf(below).map(decoded)
    const found = table.find(({ parts }) => fits(parts, segments))
    if (found === undefined) throw new RequestError(404, messageOf(404))
    ctx.answersAt(found.template)
    const { method } = ctx
    const name = method === 'HEAD' ? 'GET' : method
    const route = Object.hasOwn(found.methods, name) ? found.methods[name] : undefined
    if (route === undefined) throw notAllowed(found.methods)
    const { query, handle } = typeof route === 'function' ? { query: {}, handle: route } : route
    const read = query === 'any' ? {} : checkQuery(ctx, query, rules)
    return handle(ctx, paramsOf(found.parts, segments), read as never)
  }

  function refuse(ctx: RequestContext, decision: Exclude<Decision, { allow: true }> | false): Reply {
    if (decision === false) return forbid(ctx, 'authorize')
    const { status, code, message, reason } = decision
    const challenge = challengeOf(decision, (ctx.state as { identity?: Identity }).identity)
    const headers = challenge === undefined ? {} : { 'WWW-Authenticate': challenge }
    return ctx.deny({ status, code, message, reason, headers, by: owner, rule: 'authorize' })
  }

  function forbid(ctx: RequestContext, rule: string, reason?: string): Reply {
    const denial = { ...refusalOf(403), by: owner, rule }
    return ctx.deny(reason === undefined ? denial : { ...denial, reason })
  }
}

const OTHER_SITE =
  'a page of another site sent it, or `trust` does not name the proxy that knows the scheme and the host'

const guard: Check<Guard<RequestContext>> = (value, at) =>
  value === privateNetworks
    ? refuseOption(at, value, 'privateNetworks(), called')
    : callback<Guard<RequestContext>>('a guard (ctx) => boolean or Decision; it is required')(value, at)

/**
 * Anything but `true` and a decision that says `allow: true` refuses; what is no decision at all is
 * a mistake, and a 500.
 */
function isAllowed(decision: Decision | boolean): decision is true | { readonly allow: true } {
  if (typeof decision === 'boolean') return decision
  if (
    typeof decision !== 'object' ||
    decision === null ||
    isReply(decision) ||
    typeof decision.allow !== 'boolean'
  )
    throw new TypeError(`authorize returned ${typeof decision}; allowed: a boolean or a Decision`)
  return decision.allow
}

function notAllowed(methods: AdminRoutes[string]): RequestError {
  const names = Object.keys(methods).flatMap(name => (name === 'GET' ? ['GET', 'HEAD'] : [name]))
  return new RequestError(405, messageOf(405), { headers: { Allow: names.join(', ') } })
}

/**
 * The part of the path behind the mount; compared as received, so that no other spelling of the
 * mount is served.
 */
function pathBelow(mount: string, path: string): string | undefined {
  if (!path.startsWith(mount)) return undefined
  if (path.length === mount.length) return ''
  return path.charCodeAt(mount.length) === 47 ? path.slice(mount.length) : undefined
}

const partsOf = (path: string): readonly string[] => path.split('/').filter(part => part !== '')

/**
 * Each segment is decoded alone, so `%2F` stays inside it: a network in CIDR notation is one
 * segment.
 */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw new RequestError(400, 'The path is not valid', { cause })
  }
}

function fits(parts: readonly string[], segments: readonly string[]): boolean {
  return (
    parts.length === segments.length &&
    parts.every((part, index) => part.startsWith(':') || part === segments[index])
  )
}

function paramsOf(parts: readonly string[], segments: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    parts.flatMap((part, index) =>
      part.startsWith(':') ? [[part.slice(1), segments[index] as string]] : [],
    ),
  )
}
