import type { Trust } from '../address/client-address.js'
import type { MapError } from '../errors/map-error.js'
import type { EventBus } from '../events/event-bus.js'
import type { MaybePromise } from '../kernel/maybe-promise.js'
import type { RequestContext } from '../pipeline/host-context.js'
import type { Clock } from '../vocabulary/clock.js'
import type { Logger } from '../vocabulary/logger.js'
import type { ErrorRenderer } from './failure.js'
import type { Reply } from './reply.js'

/** What every middleware of a pipeline shares. */
export interface Services {
  readonly events: EventBus
  readonly clock: Clock
  readonly logger: Logger
  readonly errors: ErrorRenderer
  readonly mapError?: MapError | undefined
  readonly trust: Trust
  /** True when nothing of an error's cause may be shown. */
  readonly production: boolean
  /** Maximum time for a body to arrive that a middleware reads. */
  readonly bodyTimeoutMs: number
  /**
   * Where middlewares of one kind meet that do not know each other, such as two rate limits that answer in the same headers. Each kind has an entry,
   * under a `Symbol.for` key of its own, so that it is never state of a module. Of what it keeps for a request it must let go by itself.
   */
  readonly shared: Map<symbol, unknown>
}

/** How a request ended. Given to `onResponse` once, when the response has really ended. */
export interface Outcome {
  /** The status that was sent; `undefined` when the client left before the headers. */
  readonly status: number | undefined
  /** The template of the route that answered (`/orders/:id`), never the path; `undefined` when none matched or the host does not say. */
  readonly route: string | undefined
  readonly durationMs: number
  /** The length of the body that was to be sent; `undefined` when it was not known before, as for a stream. */
  readonly responseBytes: number | undefined
  /** The client left before the response ended. */
  readonly aborted: boolean
  /** What a middleware or the handler threw, where the host lets it be seen. */
  readonly error: unknown
}

/**
 * One protection, written once for every host. It reads the context, sets headers on it, and returns nothing (go on), a `Reply`
 * (an answer of its own), or what `ctx.deny()` returns (a refusal).
 *
 * @typeParam Needs what an earlier middleware must have put into `ctx.state`
 * @typeParam Gives what this one puts there
 */
export interface Middleware<Needs extends object = {}, Gives extends object = {}> {
  readonly name: string
  /** The names in `Needs`, so that plain JavaScript is checked at start-up too. */
  readonly needs?: readonly (keyof Needs & string)[]
  /** The names in `Gives`, so that every request's state has one shape. */
  readonly gives?: readonly (keyof Gives & string)[]
  /**
   * Called before `setup` for each middleware in front of this one, those of parent pipelines included. Throw
   * a `ConfigError` where one request must not meet both.
   */
  mountBehind?(earlier: Middleware): void
  /** When a pipeline is compiled: subscribe to events, start sweeps. Once for each pipeline that has it; done when it returns. */
  setup?(services: Services): void
  /** A throw or rejection is a 500: it refuses, it never lets through. */
  onRequest?(ctx: RequestContext<Needs & Partial<Gives>>): MaybePromise<Reply | undefined | void>
  /**
   * The id of a request, for a log line or an event in front of this middleware: asked at most once, and
   * `ctx.requestId` has it from then on. A throw leaves the request with a random id until this middleware
   * is reached.
   */
  identify?(ctx: RequestContext): string
  /** Runs in reverse order for every middleware that was reached. A throw is logged and harms nobody. */
  onResponse?(ctx: RequestContext<Needs & Partial<Gives>>, outcome: Outcome): void
  /**
   * Closes what `setup` or the factory opened, also where `setup` was never called. Once for all that was built on one `pipeline()`; one that is
   * mounted in several tells by the services that they were given in `setup` whether it is still in use.
   */
  dispose?(services?: Services): MaybePromise<void>
}
