import type { Context } from 'koa'

/** What @koa/router keeps of a route. */
interface Layer {
  readonly path?: unknown
  readonly methods?: readonly string[]
}

interface Routed {
  readonly matched?: readonly Layer[]
  readonly _matchedRoute?: unknown
}

/** Where koa-mount put the request, on the context under a symbol of this module's own. */
const MOUNTED: unique symbol = Symbol('mounted')
const GIVEN: unique symbol = Symbol('mountPath')

interface Mounted extends Context {
  [MOUNTED]?: string
  [GIVEN]?: string
}

/**
 * Notes where koa-mount mounts the requests of an application. koa-mount sets only its own prefix,
 * as `ctx.mountPath`, and not those around it. The setter reads the prefix at once, while
 * `ctx.path` is still the rest that the outer mounts left. The prefixes are literal: the whole
 * template is the team's text.
 */
export function watchMounts(prototype: object): void {
  if (Object.hasOwn(prototype, 'mountPath')) return
  Object.defineProperty(prototype, 'mountPath', {
    configurable: true,
    get(this: Mounted) {
      return this[GIVEN]
    },
    set(this: Mounted, prefix: string) {
      const whole = pathOf(this.originalUrl)
      this[GIVEN] = prefix
      this[MOUNTED] = trimmed(`${whole.slice(0, whole.length - this.path.length)}${prefix}`)
    },
  })
}

/** The whole path of the mount in which the request is, or was last. */
export function mountOf(koa: Context): string | undefined {
  return (koa as Mounted)[MOUNTED]
}

/**
 * The template of the route that answered, or that a refusal kept from answering, with its mounts.
 * Middleware of the router is a layer too, and its path, which is no template, is noted in the same
 * place.
 */
export function templateOf(koa: Context): string | undefined {
  const own = pathOfRoute(koa)
  if (typeof own !== 'string' && !(own instanceof RegExp)) return undefined
  const template = String(own)
  const mount = mountOf(koa) ?? ''
  if (mount === '' || isOutside(template, pathOf(koa.originalUrl))) return template
  return template === '/' ? mount : `${mount}${template}`
}

/** Of the layers that take the method: the one that the router names, else the first. */
function pathOfRoute(koa: Context): unknown {
  const { matched = [], _matchedRoute } = koa as Routed
  const { method } = koa
  let first: unknown
  for (const { methods, path } of matched) {
    if (methods?.includes(method) !== true) continue
    if (path === _matchedRoute) return path
    first ??= path
  }
  return first ?? _matchedRoute
}

/**
 * Whether the template is of the whole path: the request has left the mount again before it was
 * routed.
 */
function isOutside(template: string, path: string): boolean {
  const wanted = template.split('/')
  const given = path.split('/')
  return (
    wanted.length === given.length && wanted.every((step, i) => step === given[i] || /[:*({[^$]/.test(step))
  )
}

const trimmed = (path: string) => (path.endsWith('/') ? path.slice(0, -1) : path)

function pathOf(target: string): string {
  const end = target.search(/[?#]/)
  const path = end < 0 ? target : target.slice(0, end)
  return path.replace(/^[a-z][a-z\d+.-]*:\/\/[^/]*/i, '') || '/'
}
