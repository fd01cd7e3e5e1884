import {
  callback,
  checkOptions,
  type Guard,
  type Middleware,
  optional,
  type RequestContext,
  refuse,
} from '@palisade/core/middleware'
import { Endpoint, path } from './endpoint/endpoint.js'
import { type HasOwnPaths, OWN_PATHS } from './endpoint/own-paths.js'
import type { Metrics } from './metrics.js'

export interface MetricsEndpointOptions<Needs extends object = {}> {
  /**
   * Where the exposition is served, from the root of the origin; the same path with `.json` behind
   * it serves the JSON view. Default `/metrics`.
   */
  readonly path?: string
  /**
   * Decides which callers may read it. Required: counts that any caller may read are a mistake.
   * Behind a `guard()` that has decided, `() => true`.
   */
  readonly authorize: Guard<RequestContext<Needs>>
}

/**
 * Serves the counts of a `metrics()` to callers that have logged in. `metrics()` itself stands in
 * front of all others, where no caller is known yet, and can use addresses and headers only. This
 * one stands behind `authenticate()`: in the same pipeline, in a branch behind `guard()`, or in
 * another pipeline that listens elsewhere.
 *
 * Fails closed: `authorize` is asked before anything is revealed, an error that it throws is a 500,
 * and a promise is awaited.
 *
 *     const counted = metrics({ path: false })
 *     pipeline()
 *       .use(counted)
 *       .use(authenticate({ ... }))
 *       .use(metricsEndpoint(counted, { authorize: requireRole('ops') }))
 *
 * @throws ConfigError also at start-up, for a path that `metrics()` in front of it answers itself
 */
export function metricsEndpoint<Needs extends object = {}>(
  counted: Metrics,
  options: MetricsEndpointOptions<Needs>,
): Middleware<Needs> {
  const owner = 'metricsEndpoint'
  const ownPaths = (counted as Partial<Metrics & HasOwnPaths> | undefined)?.[OWN_PATHS]
  if (ownPaths === undefined) return refuse({ owner, option: 'metrics' }, counted, 'what metrics() returns')
  const checked = checkOptions(owner, options, {
    path: optional(path, '/metrics'),
    authorize: callback<Guard<RequestContext>>('a guard (ctx) => boolean or Decision; it is required'),
  })
  const endpoint = new Endpoint({ owner, ...checked }, counted)
  return {
    name: owner,
    setup(services) {
      const hidden = ownPaths.hiding(endpoint.paths, services)
      if (hidden !== undefined)
        refuse(
          { owner, option: 'path' },
          hidden,
          'a path that metrics() in front of it does not answer itself: metrics({ path: false })',
        )
    },
    onRequest: ctx => endpoint.answer(ctx as unknown as RequestContext),
  }
}
