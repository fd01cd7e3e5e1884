import type { Services } from '../contract/context.js'
import type { Middleware } from '../contract/middleware.js'
import { ConfigError } from '../errors/config-error.js'
import type { MaybePromise } from '../kernel/maybe-promise.js'

/** What a setup returns: it undoes the setup for the services that the setup was given. */
export type Cleanup = () => MaybePromise<void>

/** How many compiled pipelines with the same services have a middleware. */
export interface User {
  pipelines: number
  readonly cleanup: Cleanup | undefined
}

/** Which compiled pipelines have a middleware. */
export interface Usage {
  readonly users: Map<Services, User>
  isClosed: boolean
}

/**
 * The middleware itself carries its usage, since unrelated pipelines share nothing else.
 * `Symbol.for`, so that two copies of this package count together; the major version is in the
 * name.
 */
const USAGE: unique symbol = Symbol.for('@palisade/core.usage/0')

/**
 * The usage of a middleware; `undefined` for one without `setup` and `dispose`.
 *
 * @throws ConfigError for a frozen middleware, which can carry none
 */
export function usageOf(middleware: Middleware): Usage | undefined {
  if (middleware.setup === undefined && middleware.dispose === undefined) return undefined
  if (Object.hasOwn(middleware, USAGE)) return (middleware as { [USAGE]?: Usage })[USAGE]
  const usage: Usage = { users: new Map(), isClosed: false }
  // Not enumerable: a copy, as of `{ ...middleware }`, is a middleware of its own.
  if (Reflect.defineProperty(middleware, USAGE, { value: usage })) return usage
  throw new ConfigError({
    owner: `pipeline.use(${middleware.name})`,
    option: 'middleware',
    value: 'frozen',
    allowed: 'an object that is not frozen: with setup or dispose it carries the count of its pipelines',
  })
}
