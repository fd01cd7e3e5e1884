import type { IncomingMessage } from 'node:http'
import type { CompiledPipeline } from '@palisade/core/host'
import type { FastifyInstance, RouteOptions } from 'fastify'

/**
 * Fastify routes before it runs the hooks of a scope or a route, so a preflight of a path without
 * an OPTIONS route reaches no hook but those of the root. Here each route behind a pipeline with
 * `cors` gets such a route. A constraint limits it to preflights: any other OPTIONS finds the
 * team's own route, or none, as before.
 */
class PreflightRoutes {
  private readonly app: FastifyInstance
  private readonly routes: { readonly scope: FastifyInstance; readonly route: RouteOptions }[] = []
  private readonly scopes = new Set<FastifyInstance>()

  constructor(app: FastifyInstance) {
    this.app = app
  }

  /** A route was registered in a scope. */
  add(scope: FastifyInstance, route: RouteOptions): void {
    if ([route.method].flat().includes('OPTIONS')) return
    if (hooksOf(route).some(isMarked) || [...this.scopes].some(outer => isWithin(scope, outer)))
      this.twin(scope, route)
    else this.routes.push({ scope, route: { ...route } })
  }

  /** A pipeline with `cors` is in front of a scope, also of routes that were registered before. */
  cover(outer: FastifyInstance): void {
    this.scopes.add(outer)
    for (const { scope, route } of this.routes) if (isWithin(scope, outer)) this.twin(scope, route)
  }

  private twin(scope: FastifyInstance, route: RouteOptions & { routePath?: string; prefix?: string }): void {
    if (!this.app.hasConstraintStrategy(NAME)) this.app.addConstraintStrategy(strategy)
    const { url, routePath = url, prefix = '', prefixTrailingSlash, onRequest } = route
    // A version is asked for by a header, which no preflight sends.
    const { version: _, ...others } = route.constraints ?? {}
    const constraints = { ...others, [NAME]: VALUE }
    if (this.app.hasRoute({ method: 'OPTIONS', url, constraints })) return
    scope.route({
      method: 'OPTIONS',
      url: routePath === '' && prefix !== '' ? '/' : routePath,
      ...(prefixTrailingSlash !== undefined && { prefixTrailingSlash }),
      ...(onRequest !== undefined && { onRequest }),
      constraints,
      schema: { hide: true } as object,
      handler: (_request, reply) => reply.callNotFound(),
    })
  }
}

const NAME = 'palisadePreflight'
const VALUE = 'preflight'

const strategy = {
  name: NAME,
  storage() {
    const handlers = new Map<unknown, never>()
    return {
      get: (value: unknown) => handlers.get(value) ?? null,
      set: (value: unknown, handler: never) => {
        handlers.set(value, handler)
      },
    }
  },
  validate: () => true,
  deriveConstraint: (request: Pick<IncomingMessage, 'method' | 'headers'>) =>
    request.method === 'OPTIONS' &&
    request.headers.origin !== undefined &&
    request.headers['access-control-request-method'] !== undefined
      ? VALUE
      : undefined,
}

/** On a hook whose pipeline answers preflights. */
const ANSWERS = Symbol.for('@palisade/adapters.answers-preflights')
/**
 * On the Fastify instance on which the first pipeline was registered, and inherited by its scopes.
 */
const ROUTES = Symbol.for('@palisade/adapters.preflight-routes')

type Marked = Function & { [ANSWERS]?: true }
type Holder = FastifyInstance & { [ROUTES]?: PreflightRoutes }

const isMarked = (hook: unknown): boolean => typeof hook === 'function' && (hook as Marked)[ANSWERS] === true

const hooksOf = ({ onRequest }: RouteOptions): readonly unknown[] => [onRequest].flat()

const isWithin = (scope: FastifyInstance, outer: FastifyInstance): boolean =>
  scope === outer || Object.prototype.isPrototypeOf.call(outer, scope)

/** The hooks of the outermost instance run in front of its 404 too, so that they need no routes. */
const isScope = (app: FastifyInstance): boolean => 'addHook' in Object.getPrototypeOf(app)

export function markPreflights<Hook extends Function>(pipeline: CompiledPipeline, hook: Hook): Hook {
  return pipeline.isReached('cors', Number.POSITIVE_INFINITY)
    ? Object.assign(hook, { [ANSWERS]: true })
    : hook
}

/** Watches the routes and the hooks of an instance and of its scopes, once. */
export function watchRoutes(app: FastifyInstance): void {
  const holder = app as Holder
  if (holder[ROUTES] !== undefined) return
  const routes = new PreflightRoutes(app)
  holder[ROUTES] = routes
  app.addHook('onRoute', function (this: FastifyInstance, route) {
    routes.add(this, route)
  })
  const { addHook } = app
  // Fastify has no event for the hooks of a scope. The scopes inherit this method.
  app.addHook = function (this: FastifyInstance, ...given: Parameters<typeof addHook>) {
    const [name, hook] = given as readonly unknown[]
    if (name === 'onRequest' && isMarked(hook) && isScope(this)) routes.cover(this)
    return addHook.apply(this, given)
  } as typeof addHook
}
