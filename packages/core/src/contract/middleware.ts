import type { MaybePromise } from '../kernel/maybe-promise.js'
import type { RequestContext, Services } from './context.js'
import type { Outcome } from './outcome.js'
import type { Reply } from './reply.js'

/**
 * One protection, written once for every host. It reads the context, sets headers on it, and
 * returns nothing (go on), a `Reply` (an answer of its own), or what `ctx.deny()` returns (a
 * refusal).
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
   * Called before `setup` for each middleware in front of this one, those of parent pipelines
   * included. Throw a `ConfigError` where one request must not meet both.
   */
  mountBehind?(earlier: Middleware): void
  /**
   * Called when a pipeline is compiled: subscribe to events, start sweeps. Done when it returns.
   * Called once for each set of services: pipelines and branches of one `pipeline()` call share
   * theirs, and unrelated pipelines have others.
   *
   * @returns nothing, or a cleanup function that undoes what belongs to these services. It is
   * called once, with the last pipeline of these services that has the middleware. A setup that
   * throws has undone its own work.
   */
  setup?(services: Services): (() => MaybePromise<void>) | void
  /** A throw or rejection is a 500: it refuses, it never lets through. */
  onRequest?(ctx: RequestContext<Needs & Partial<Gives>>): MaybePromise<Reply | undefined | void>
  /**
   * The id of a request, for a log line or an event in front of this middleware: asked at most
   * once, and `ctx.requestId` has it from then on. A throw leaves the request with a random id
   * until this middleware is reached.
   */
  identify?(ctx: RequestContext): string
  /**
   * Runs in reverse order for every middleware that was reached. An error thrown here is logged and
   * changes nothing else.
   */
  onResponse?(ctx: RequestContext<Needs & Partial<Gives>>, outcome: Outcome): void
  /**
   * Closes what `setup` or the factory opened, also where `setup` was never called. Pipelines call
   * it once for each middleware object, behind all cleanup functions: when the last compiled
   * pipeline that has it is disposed of, unrelated ones included. From then on the middleware is
   * closed, and cannot be compiled again.
   *
   * A team may call it directly, which closes it for all pipelines at once; their own call comes
   * all the same. So it does nothing the second time.
   */
  dispose?(): MaybePromise<void>
}
