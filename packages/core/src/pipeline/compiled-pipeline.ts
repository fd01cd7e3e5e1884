import type { Services } from '../contract/context.js'
import type { Middleware } from '../contract/middleware.js'
import type { Outcome } from '../contract/outcome.js'
import { discard, isReply, type Reply } from '../contract/reply.js'
import type { Diagnosis } from '../diagnosis/diagnosis.js'
import { TopologyWatch } from '../diagnosis/topology-watch.js'
import { answerError, gone } from '../errors/answer-error.js'
import { refusalOf } from '../errors/statuses.js'
import { callerFacts } from '../events/decision.js'
import { isPromise, type MaybePromise } from '../kernel/maybe-promise.js'
import type { HostContext } from './host-context.js'
import { Lifecycle } from './lifecycle.js'
import type { Run, Runner } from './run.js'

type RequestHook = (ctx: HostContext) => unknown
type ResponseHook = (ctx: HostContext, outcome: Outcome) => unknown

/**
 * The one slot on a host's request object. `Symbol.for`, so that two copies of this package meet;
 * the major version is in the name, so that two incompatible ones do not.
 */
const SLOT: unique symbol = Symbol.for('@palisade/core.request/0')

interface Carrier {
  /** A list, the newest first, where unrelated pipelines share a request. */
  [SLOT]?: HostContext | readonly HostContext[]
}

/**
 * A pipeline made ready to run. Made by `Pipeline.compile()`; used by adapters, never by a team.
 *
 * The runner is a loop: `undefined` goes on, a `Reply` stops, a promise is chained into the rest.
 * Nothing is awaited and no promise is made unless a middleware waited.
 */
export class CompiledPipeline implements Runner<HostContext> {
  readonly services: Services
  /** The pipeline that must have run first; `undefined` for a root. */
  readonly parent: CompiledPipeline | undefined
  readonly root: CompiledPipeline
  private readonly middleware: readonly Middleware[]
  private readonly requestHooks: readonly (RequestHook | undefined)[]
  private readonly responseHooks: readonly (ResponseHook | undefined)[]
  private readonly hasResponseHooks: boolean
  private readonly identifier: Middleware | undefined
  private readonly emptyState: Readonly<Record<string, undefined>>
  private readonly lifecycle: Lifecycle
  private readonly topology: TopologyWatch
  /** Only on a root, and for its first requests. */
  private isWatching: boolean

  constructor(middleware: readonly Middleware[], services: Services, parent: CompiledPipeline | undefined) {
    this.services = services
    this.parent = parent
    this.root = parent?.root ?? this
    this.topology = parent?.root.topology ?? new TopologyWatch(services)
    this.isWatching = parent === undefined
    this.middleware = middleware
    this.requestHooks = middleware.map(one => one.onRequest as RequestHook | undefined)
    this.responseHooks = middleware.map(one => one.onResponse as ResponseHook | undefined)
    this.identifier = middleware.find(one => one.identify !== undefined)
    this.hasResponseHooks = this.responseHooks.some(hook => hook !== undefined)
    this.emptyState = Object.fromEntries(
      middleware.flatMap(one => one.gives ?? []).map(name => [name, undefined]),
    )
    this.lifecycle = new Lifecycle(middleware, services, parent?.lifecycle)
  }

  /** Whether the end of a response matters to anybody here. */
  get observes(): boolean {
    return this.hasResponseHooks || this.services.events.has('request:end')
  }

  /** Whether one of the first `reached` middlewares has that name. */
  isReached(name: string, reached: number): boolean {
    return this.middleware.slice(0, reached).some(one => one.name === name)
  }

  /** The id that a middleware of this pipeline gives a request. */
  identify(ctx: HostContext): string | undefined {
    try {
      return this.identifier?.identify?.(ctx)
    } catch {
      // The middleware fails again when it is reached, and refuses the request then.
      return undefined
    }
  }

  /** What `trust` gets wrong about the topology, as far as the first requests have shown. */
  diagnose(): Diagnosis | undefined {
    return this.topology.diagnosis
  }

  /**
   * Every request's state begins with the same properties in the same order, so that V8 gives it
   * one hidden class.
   */
  newState(): object {
    return { ...this.emptyState }
  }

  /** The context that this pipeline, or the root of this branch, has on a host's request object. */
  contextOf(carrier: object): HostContext | undefined {
    const found = ownContexts(carrier)
    if (isList(found)) return found.find(ctx => ctx.pipeline === this.root)
    return found?.pipeline === this.root ? found : undefined
  }

  /**
   * Puts a new context on a host's request object, in front of those of other, unrelated pipelines.
   * It takes the place of this pipeline's own context of an earlier dispatch.
   */
  attach(carrier: object, ctx: HostContext): void {
    const slot = carrier as Carrier
    const older = ownContexts(carrier)
    if (older === undefined) slot[SLOT] = ctx
    else slot[SLOT] = [ctx, ...[older].flat().filter(one => one.pipeline !== this.root)]
  }

  /**
   * Runs the middleware on a request. `undefined` lets it through; a `Reply` answers it. Never
   * throws, never rejects.
   *
   * A request that was let through is not run again, as long as its method, target and credential
   * stay the same. With others it is decided anew: it is another request now. A request that comes
   * again without having been let through is refused, since something went past the first run. A
   * branch refuses a request that its parent did not let through. A disposed pipeline refuses every
   * request, because its middlewares no longer protect.
   */
  run(ctx: HostContext): MaybePromise<Reply | undefined> {
    const earlier = ctx.sameRun(this)
    if (earlier !== undefined) return earlier.passed ? undefined : refuseRepeat(ctx)
    if (this.parent !== undefined && !ctx.hasPassed(this.parent)) return this.refuseOrphan(ctx)
    if (this.lifecycle.isDisposed) return refuseLate(ctx)
    const run = ctx.begin(this)
    const isGone = ctx.hasDisconnected
    const isAnnounced = this.parent === undefined && this.services.events.has('request:start')
    if (isAnnounced) ctx.announceLater()
    if (this.observes) ctx.watch()
    const isOver = isGone || ctx.hasEnded
    if (this.isWatching && !isOver) this.isWatching = this.topology.look(ctx)
    const answer = isOver ? gone() : this.step(ctx, run, 0)
    if (isAnnounced) announced(ctx, answer)
    if (this.observes) ctx.rememberContext()
    return answer
  }

  private step(ctx: HostContext, run: Run<HostContext>, first: number): MaybePromise<Reply | undefined> {
    const hooks = this.requestHooks
    for (let i = first; i < hooks.length; i++) {
      const hook = hooks[i]
      if (hook === undefined) continue
      run.reached = i + 1
      let answer: unknown
      try {
        answer = hook.call(this.middleware[i], ctx)
      } catch (error) {
        return this.fail(ctx, error, i)
      }
      if (answer === undefined) {
        if (ctx.denial !== undefined) return this.fail(ctx, forgotten(), i)
        continue
      }
      try {
        if (isPromise(answer)) return this.wait(ctx, run, answer, i)
      } catch (error) {
        // A `then` that cannot be read.
        return this.fail(ctx, error, i)
      }
      return this.settle(ctx, answer, i)
    }
    run.reached = hooks.length
    if (this.parent === undefined && !ctx.hasValidTarget) return refuseTarget(ctx)
    run.passed = true
    return undefined
  }

  private async wait(
    ctx: HostContext,
    run: Run<HostContext>,
    answer: PromiseLike<unknown>,
    i: number,
  ): Promise<Reply | undefined> {
    let value: unknown
    try {
      value = await answer
    } catch (error) {
      return this.fail(ctx, error, i)
    }
    // The request has ended and `onResponse` has run: a middleware that is reached now would never
    // hear of the end.
    if (ctx.hasEnded) {
      if (isReply(value)) discard(value)
      return gone()
    }
    if (value !== undefined) return this.settle(ctx, value, i)
    if (ctx.denial !== undefined) return this.fail(ctx, forgotten(), i)
    if (this.lifecycle.isDisposed && this.hasHookFrom(i + 1)) return refuseLate(ctx)
    const rest = this.step(ctx, run, i + 1)
    if (this.observes && !isPromise(rest)) ctx.rememberContext()
    return rest
  }

  private hasHookFrom(first: number): boolean {
    return this.requestHooks.some((hook, i) => i >= first && hook !== undefined)
  }

  /**
   * Anything but `undefined` and a `Reply` is a mistake in the middleware, and refuses: `false`
   * must not let through.
   */
  private settle(ctx: HostContext, answer: unknown, i: number): Reply {
    if (isReply(answer)) return answer.takesOver === undefined ? answer : this.takeOver(ctx, answer, i)
    return this.fail(
      ctx,
      new TypeError(
        `onRequest returned ${typeof answer}; allowed: nothing, a Reply, or what ctx.deny() returns`,
      ),
      i,
    )
  }

  private takeOver(ctx: HostContext, reply: Reply, i: number): Reply {
    if (!ctx.isUpgrade) return this.fail(ctx, noUpgrade(), i)
    if (ctx.hasSocket) return reply
    const reason = 'the host has no socket that a middleware could take over'
    return ctx.deny({ ...refusalOf(501), reason, by: this.middleware[i]?.name ?? '' })
  }

  private fail(ctx: HostContext, error: unknown, i: number): Reply {
    const by = this.middleware[i]?.name
    return answerError(ctx, error, `middleware "${by}" failed`, by)
  }

  private refuseOrphan(ctx: HostContext): Reply {
    const error = new Error(
      'a branch was reached by a request on which its parent pipeline never ran; mount the parent in front of it',
    )
    return answerError(ctx, error, 'a branch ran without its parent', undefined)
  }

  /** Emits `request:start`. Called by the context, once for a run of a root. */
  announce(ctx: HostContext): void {
    const { events, logger } = this.services
    try {
      const { requestId, method, path } = ctx
      events.emit('request:start', { requestId, method, path, ip: ctx.client.ip })
    } catch (error) {
      logger.error({ err: ctx.inspected(error) }, 'the event "request:start" could not be emitted')
    }
  }

  /**
   * Runs `onResponse` in reverse for the first `reached` middlewares. Called by the context, once.
   */
  finish(ctx: HostContext, reached: number, outcome: Outcome): void {
    for (let i = reached - 1; i >= 0; i--) {
      const hook = this.responseHooks[i]
      if (hook === undefined) continue
      try {
        const done = hook.call(this.middleware[i], ctx, outcome)
        // No code awaits it, and its rejection would end the process.
        if (isPromise(done)) done.then(undefined, error => this.reportResponse(ctx, error, i))
      } catch (error) {
        this.reportResponse(ctx, error, i)
      }
    }
    if (this.parent === undefined && this.services.events.has('request:end')) this.emitEnd(ctx, outcome)
  }

  /** Trust and the host are asked here, whose throw would reach no caller but the process. */
  private emitEnd(ctx: HostContext, outcome: Outcome): void {
    const { events, logger } = this.services
    const { status, route, durationMs, aborted } = outcome
    try {
      const { requestId, method, path } = ctx
      const ip = ctx.client.ip
      const facts = { requestId, method, path, ip, status, route, durationMs, aborted }
      events.emit('request:end', { ...facts, ...callerFacts(ctx) })
    } catch (error) {
      logger.error({ err: error }, 'the event "request:end" could not be emitted')
    }
  }

  private reportResponse(ctx: HostContext, error: unknown, i: number): void {
    const err = ctx.inspected(error)
    const fields = { err, middleware: this.middleware[i]?.name, request_id: ctx.requestId }
    this.services.logger.error(fields, 'onResponse threw')
  }

  /** Refuses requests from now on, closes the branches, and closes what no other pipeline has. */
  dispose(): Promise<void> {
    return this.lifecycle.dispose()
  }
}

/**
 * At the latest when the pipeline has decided, also where no middleware set an id or asked for it.
 */
function announced(ctx: HostContext, answer: MaybePromise<unknown>): void {
  if (isPromise(answer)) void answer.then(() => ctx.announce())
  else ctx.announce()
}

/**
 * Gives a request object that takes the place of another the contexts of all pipelines. @returns
 * the new one
 */
export function succeed<Request extends object>(from: Request, to: Request): Request {
  const contexts = ownContexts(from)
  if (contexts !== undefined) (to as Carrier)[SLOT] = contexts
  return to
}

/** Not those of an object that it inherits from: `Object.create(req)` is another request. */
function ownContexts(carrier: Carrier): Carrier[typeof SLOT] {
  const found = carrier[SLOT]
  return found === undefined || Object.hasOwn(carrier, SLOT) ? found : undefined
}

function isList(found: Carrier[typeof SLOT]): found is readonly HostContext[] {
  return Array.isArray(found)
}

function refuseRepeat(ctx: HostContext): Reply {
  const error = new Error(
    'a request came by a pipeline again that had not let it through; mount what follows so that it waits for the answer',
  )
  return answerError(ctx, error, 'a pipeline was reached again', undefined)
}

function refuseLate(ctx: HostContext): Reply {
  return ctx.deny({ ...refusalOf(503), reason: 'the pipeline was disposed of' })
}

/** Only now, so that it is counted, and its client banned, like any other. */
function refuseTarget(ctx: HostContext): Reply {
  const message = 'The request target is not valid'
  return ctx.deny({ ...refusalOf(400), message, reason: 'a target that is no path' })
}

const noUpgrade = () =>
  new TypeError(
    'onRequest returned Reply.takeOver() for a request that is no upgrade; ask ctx.isUpgrade first',
  )

const forgotten = () =>
  new TypeError(
    'onRequest called ctx.deny() and returned nothing; allowed: to return what ctx.deny() returns',
  )
