import type { ClientAddress } from '../address/client-address.js'
import { isSecureByProxy } from '../address/scheme.js'
import type { Caller, RequestContext, Services } from '../contract/context.js'
import type { Denial, Mode } from '../contract/denial.js'
import type { Outcome } from '../contract/outcome.js'
import type { Reply } from '../contract/reply.js'
import { HANDLER_FAILED, reportError } from '../errors/answer-error.js'
import { checkDenial, MISTAKE } from '../errors/check-denial.js'
import { renderDenial } from '../errors/render.js'
import { inspectable } from '../errors/thrown.js'
import { emitAllowed, emitRefused } from '../events/decision.js'
import { RequestTarget } from '../path/request-target.js'
import { hasReached, type Run, type Runner, runOf } from './run.js'

const NONE: RequestContext['refusals'] = Object.freeze([])

/**
 * A request as the pipeline and the adapters have it. Each host has one subclass, which is the only
 * code that knows the host's objects. Middleware sees the `RequestContext` of it.
 *
 * @typeParam State what the middlewares of the pipeline have put into `state`
 */
export abstract class HostContext<State extends object = {}> implements RequestContext<State> {
  readonly state: State
  /** The root pipeline that this context belongs to. */
  readonly pipeline: Runner<HostContext>
  readonly startedAt: number
  denial: Denial | undefined = undefined
  refusals: RequestContext['refusals'] = NONE
  /** The route that `answersAt` named. */
  ownRoute: string | undefined = undefined
  /** The first error that a middleware or the handler threw. */
  error: unknown = undefined
  /** The error that was logged and emitted last. */
  reported: unknown = undefined
  private thrown: { readonly value: unknown; readonly shown: unknown } | undefined = undefined
  private ended: Outcome | undefined = undefined
  private watched = false
  private runs: Run<HostContext> | undefined = undefined
  private seen: RequestTarget | undefined = undefined
  /** Once the response has ended: what the pipeline saw whose `onResponse` hooks run. */
  protected pinned: RequestTarget | undefined = undefined
  private cachedClient: ClientAddress | undefined = undefined
  private cachedSecure: boolean | undefined = undefined
  private isUnannounced = false
  private namedCaller: Caller | undefined = undefined
  private cachedId: string | undefined = undefined
  private abort: AbortController | undefined = undefined

  constructor(pipeline: Runner<HostContext>) {
    this.pipeline = pipeline
    this.state = pipeline.newState() as State
    this.startedAt = pipeline.services.clock.monotonic()
  }

  // What each host says of its request and response.

  /** As the host has it now; at the end, that of `pinned`. */
  abstract readonly method: string
  /** As the host has it now, with the prefixes of mounts; at the end, that of `pinned`. */
  abstract readonly url: string
  abstract readonly peer: string | undefined
  abstract readonly raw: unknown
  abstract readonly route: string | undefined
  /** Whether the socket itself is encrypted, whatever a proxy says. */
  protected abstract readonly encrypted: boolean
  abstract header(lowerCaseName: string): string | undefined
  abstract headers(): readonly (readonly [name: string, value: string])[]
  abstract setHeader(name: string, value: string): void
  abstract removeHeader(name: string): void
  abstract appendHeader(name: string, value: string): void
  abstract bytes(limit: number): Promise<Uint8Array>
  abstract body(): AsyncIterable<Uint8Array>
  abstract peek(limit: number): Promise<{ readonly bytes: Uint8Array; readonly complete: boolean }>
  /** Arranges that `finish` is called when the response has really ended. Called at most once. */
  protected abstract watchEnd(): void

  get host(): string | undefined {
    return this.header('host') ?? this.header(':authority')
  }

  get httpVersion(): string | undefined {
    return undefined
  }

  get isUpgrade(): boolean {
    return this.header('upgrade')?.toLowerCase() === 'websocket'
  }

  /** Whether the host can give the socket of an upgrade away. */
  get hasSocket(): boolean {
    return false
  }

  /** An adapter may have a cheaper way. */
  setHeaders(pairs: readonly (readonly [name: string, value: string])[]): void {
    for (const pair of pairs) this.setHeader(pair[0], pair[1])
  }

  /**
   * The path of the mount whose handler answered, for requests without a template: a template too,
   * never a path.
   */
  protected get mountPath(): string | undefined {
    return undefined
  }

  /** The length of the response's body, where it was known before it was sent. */
  protected get responseBytes(): number | undefined {
    return undefined
  }

  /** The `Authorization` as the host has it now; `undefined` too where requests cannot change. */
  protected credentialNow(): string | undefined {
    return undefined
  }

  /**
   * Whether the client disconnected before the pipeline ran. Such a request has no client address,
   * so no middleware can judge it, and no client waits for its answer.
   */
  get hasDisconnected(): boolean {
    return false
  }

  /** Keeps the asynchronous context (`AsyncLocalStorage`) of the request for `onResponse`. */
  rememberContext(): void {}

  // What a middleware sees.

  get services(): Services {
    return this.pipeline.services
  }

  get path(): string {
    return this.currentTarget.path
  }

  get query(): URLSearchParams {
    return this.currentTarget.query
  }

  get client(): ClientAddress {
    if (this.cachedClient === undefined) {
      const { trust } = this.pipeline.services
      this.cachedClient = trust.resolve(
        this.peer,
        trust.header === undefined ? undefined : this.header(trust.header),
      )
    }
    return this.cachedClient
  }

  get secure(): boolean {
    this.cachedSecure ??= this.encrypted || isSecureByProxy(this)
    return this.cachedSecure
  }

  get requestId(): string {
    this.cachedId ??= this.pipeline.identify(this) ?? crypto.randomUUID()
    this.announce()
    return this.cachedId
  }

  set requestId(id: string) {
    this.cachedId = id
    this.announce()
  }

  get caller(): Caller | undefined {
    return this.namedCaller ?? (this.state as { readonly identity?: Caller }).identity
  }

  set caller(caller: Caller | undefined) {
    this.namedCaller = caller
  }

  get hasRequestId(): boolean {
    return this.cachedId !== undefined
  }

  get signal(): AbortSignal {
    if (this.abort === undefined) {
      this.abort = new AbortController()
      if (this.ended === undefined) this.watch()
      else if (this.ended.aborted) this.abort.abort(clientLeft())
    }
    return this.abort.signal
  }

  get clientHasLeft(): boolean {
    this.watch()
    return this.ended?.aborted === true
  }

  deny(denial: Denial, mode?: 'enforce'): Reply
  deny(denial: Denial, mode: Mode): Reply | undefined
  deny(denial: Denial, mode: Mode = 'enforce'): Reply | undefined {
    const enforced = mode !== 'shadow'
    if (enforced) this.denial = MISTAKE
    checkDenial(denial)
    if (enforced) this.denial = denial
    this.refusals = [...this.refusals, { denial, enforced }]
    emitRefused(this, denial, enforced)
    return enforced ? this.render(denial, undefined) : undefined
  }

  allowed(by: string, rule?: string): void {
    emitAllowed(this, by, rule)
  }

  answersAt(template: string): void {
    this.ownRoute = template
  }

  hasReached(name: string): boolean {
    return hasReached(this.runs, name)
  }

  // What the runner asks.

  /**
   * Whether the target is a path, `*`, or an absolute form (RFC 9112 section 3.2.2). In anything
   * else, as `http:///a`, a proxy, a host and this class may each see another path.
   */
  get hasValidTarget(): boolean {
    return this.currentTarget.isValid
  }

  /**
   * The last run of a pipeline here, if the host still has its method, target and credential. With
   * others the request is decided anew.
   */
  sameRun(pipeline: Runner<HostContext>): Run<HostContext> | undefined {
    const run = runOf(this.runs, pipeline)
    return run !== undefined && this.isAt(run.target) && run.credential === this.credentialNow()
      ? run
      : undefined
  }

  /** Whether the last run of a pipeline here let the request through. */
  hasPassed(pipeline: Runner<HostContext>): boolean {
    return runOf(this.runs, pipeline)?.passed === true
  }

  /** The runner notes in the run how far it has come. */
  begin(pipeline: Runner<HostContext>): Run<HostContext> {
    // The root again: what it knew belongs to the request that this one was before.
    if (pipeline === this.pipeline && this.runs !== undefined) this.forget()
    const run: Run<HostContext> = {
      pipeline,
      target: this.lookAtTarget(),
      credential: this.credentialNow(),
      reached: 0,
      passed: false,
      before: this.runs,
    }
    this.runs = run
    return run
  }

  /** Has `request:start` emitted once the id is settled, which a middleware may set. */
  announceLater(): void {
    this.isUnannounced = true
  }

  announce(): void {
    if (!this.isUnannounced) return
    this.isUnannounced = false
    this.pipeline.announce(this)
  }

  /** Makes sure that the end of the response will be seen. */
  watch(): void {
    if (this.watched || this.ended !== undefined) return
    this.watched = true
    this.watchEnd()
  }

  /** Whether the response has really ended, as far as it is watched. */
  get hasEnded(): boolean {
    return this.ended !== undefined
  }

  // Errors.

  /** Answers an error that was thrown: a 500 unless it says otherwise. The caller reports it. */
  render(denial: Denial, cause: unknown): Reply {
    return renderDenial(this, denial, cause)
  }

  /**
   * If the answer is a failure of the server and the error is not reported by the end of the
   * response, it is reported then.
   */
  noteError(thrown: unknown): unknown {
    const error = this.inspected(thrown)
    this.error ??= error
    this.watch()
    return error
  }

  inspected(thrown: unknown): unknown {
    if (this.thrown === undefined || !Object.is(this.thrown.value, thrown)) {
      const shown = inspectable(thrown)
      // A value that stands for another is noted as itself, so that both are the same error.
      if (this.thrown !== undefined && this.thrown.shown === shown) return shown
      this.thrown = { value: thrown, shown }
    }
    return this.thrown.shown
  }

  /** The response has really ended, or the client has left. Only the first call counts. */
  finish(status: number | undefined, aborted: boolean): void {
    if (this.ended !== undefined) return
    this.announce()
    const outcome: Outcome = {
      status,
      route: this.ownRoute ?? this.routeAtEnd(status),
      durationMs: this.services.clock.monotonic() - this.startedAt,
      responseBytes: this.bytesAtEnd(),
      aborted,
      error: this.error,
    }
    this.ended = outcome
    if (aborted) this.abort?.abort(clientLeft())
    this.reportAtEnd(outcome)
    for (let run = this.runs; run !== undefined; run = run.before) {
      this.pinned = run.target
      run.pipeline.finish(this, run.reached, outcome)
    }
  }

  private reportAtEnd({ status, aborted }: Outcome): void {
    const isAnswered = status !== undefined && status < 500 && !aborted
    if (this.error === undefined || this.reported !== undefined || isAnswered) return
    reportError(this, this.error, HANDLER_FAILED, undefined)
  }

  /** A throw of the host at the end would reach no caller but the process. */
  private routeAtEnd(status: number | undefined): string | undefined {
    try {
      // A 404 below a mount names no route: a scan must still look like one.
      return this.route ?? (status === 404 ? undefined : this.mountPath)
    } catch (error) {
      return this.logUnknown('route', error)
    }
  }

  private bytesAtEnd(): number | undefined {
    try {
      return this.responseBytes
    } catch (error) {
      return this.logUnknown('length', error)
    }
  }

  private logUnknown(what: string, error: unknown): undefined {
    const fields = { err: this.inspected(error) }
    this.services.logger.error(fields, `the host did not say the ${what} of a request that ended`)
    return undefined
  }

  private forget(): void {
    Object.assign(this.state, this.pipeline.newState())
    this.cachedClient = undefined
    this.cachedSecure = undefined
    this.namedCaller = undefined
  }

  /**
   * What the host has now. While a pipeline decides, only its own middlewares run, which cannot
   * change the request, so the host is not asked each time.
   */
  private get currentTarget(): RequestTarget {
    const { pinned, seen, runs } = this
    if (pinned !== undefined) return pinned
    return seen !== undefined && runs?.passed === false ? seen : this.lookAtTarget()
  }

  private lookAtTarget(): RequestTarget {
    const { seen } = this
    if (seen !== undefined && this.isAt(seen)) return seen
    this.seen = new RequestTarget(this.method, this.url)
    return this.seen
  }

  private isAt(target: RequestTarget): boolean {
    return target.method === this.method && target.url === this.url
  }
}

function clientLeft(): DOMException {
  return new DOMException('The client left before the response ended', 'AbortError')
}
