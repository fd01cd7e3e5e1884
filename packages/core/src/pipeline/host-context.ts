import type { ClientAddress } from '../address/client-address.js'
import { saysEncrypted } from '../address/scheme.js'
import type { Denial } from '../contract/failure.js'
import type { Outcome, Services } from '../contract/middleware.js'
import { isReply, Reply } from '../contract/reply.js'
import { HANDLER_FAILED, reportError } from '../errors/answer-error.js'
import { checkDenial, MISTAKE } from '../errors/check-denial.js'
import { refusalOf } from '../errors/statuses.js'
import { inspectable } from '../errors/thrown.js'
import { isPromise } from '../kernel/maybe-promise.js'
import { RequestTarget } from '../path/request-target.js'
import type { CompiledPipeline } from './compiled-pipeline.js'

/** The pipelines that ran on a request, the root and its branches, the last one first. */
export interface Run {
  readonly pipeline: CompiledPipeline
  /** What its middlewares see, also at the end. */
  readonly target: RequestTarget
  /** The `Authorization` that they see. */
  readonly credential: string | undefined
  /** How many middlewares were reached. */
  reached: number
  /** Whether all of them let the request through. */
  passed: boolean
  readonly before: Run | undefined
}

/**
 * One request, as every middleware sees it. Each host has one subclass, which is the only code that knows the host's objects.
 *
 * @typeParam State what the middlewares of the pipeline have put into `state`
 */
export abstract class RequestContext<State extends object = {}> {
  readonly state: State
  /** The root pipeline that this context belongs to. */
  readonly pipeline: CompiledPipeline
  /** When the request came, by the monotonic time of the clock: for durations in this process. */
  readonly startedAt: number
  /** The denial that answered this request, if one did. */
  denial: Denial | undefined = undefined
  /** The first error that a middleware or the handler threw. */
  error: unknown = undefined
  /** The error that was logged and emitted last. Set where one is reported. */
  reported: unknown = undefined
  private thrown: { readonly value: unknown; readonly shown: unknown } | undefined = undefined
  private ended: Outcome | undefined = undefined
  private watched = false
  private runs: Run | undefined = undefined
  private seen: RequestTarget | undefined = undefined
  /** Once the response has ended: what the pipeline saw whose `onResponse` hooks run. */
  protected pinned: RequestTarget | undefined = undefined
  private ownRoute: string | undefined = undefined
  private cachedClient: ClientAddress | undefined = undefined
  private cachedSecure: boolean | undefined = undefined
  private isUnannounced = false
  private cachedId: string | undefined = undefined
  private abort: AbortController | undefined = undefined

  constructor(pipeline: CompiledPipeline) {
    this.pipeline = pipeline
    this.state = pipeline.newState() as State
    this.startedAt = pipeline.services.clock.monotonic()
  }

  /**
   * The method as the host has it now, in upper case, so that a branch sees the method of its route: a
   * middleware behind the parent may have changed it (`method-override`). At the end `onResponse` sees the
   * method and target that `onRequest` saw; a host whose request can change reads them from `pinned` then.
   */
  abstract readonly method: string
  /** The target as the host has it now, with the prefixes of mounts. */
  abstract readonly url: string
  /** A request header by its lower-case name; several lines are joined as RFC 9110 section 5.3 says. */
  abstract header(lowerCaseName: string): string | undefined
  /** The host and port that the client asked for, as received; `undefined` where it named none. */
  get host(): string | undefined {
    return this.header('host') ?? this.header(':authority')
  }
  /** `1.0`, `1.1` or `2.0`; `undefined` where the host does not know it. */
  get httpVersion(): string | undefined {
    return undefined
  }
  /** The address of the socket; `undefined` where there is none. */
  abstract readonly peer: string | undefined
  /** Whether the socket itself is encrypted. What a proxy says is `secure`'s to judge. */
  protected abstract readonly encrypted: boolean
  /** Sets a response header so that it survives into 404, 500 and thrown errors on every host. Throws on CR, LF and NUL. */
  abstract setHeader(name: string, value: string): void
  /** `setHeader` for each pair. An adapter may have a cheaper way; it must not change the array, which is shared by all requests. */
  setHeaders(pairs: readonly (readonly [name: string, value: string])[]): void {
    for (const pair of pairs) this.setHeader(pair[0], pair[1])
  }
  /** Takes back a response header that the host or an earlier middleware has set. */
  abstract removeHeader(name: string): void
  /** Adds one more field line (`Set-Cookie`) or list member (`Vary`). */
  abstract appendHeader(name: string, value: string): void
  /**
   * The raw body, for middleware that answers the request itself: the handler cannot read it again.
   *
   * @throws RequestError 413 past `limit` bytes; 408 past the pipeline's `bodyTimeout`; 400 when the client
   * leaves in the middle
   * @throws Error when something before the pipeline has read the body
   */
  abstract bytes(limit: number): Promise<Uint8Array>
  /** The host's own request object. */
  abstract readonly raw: unknown
  /** The template of the route that answered, once it is known. */
  abstract readonly route: string | undefined
  /** The path of the mount whose handler answered, for requests without a template: a template too, never a path. */
  protected get mountPath(): string | undefined {
    return undefined
  }
  /** The length of the response's body, where it was known before it was sent. */
  protected get responseBytes(): number | undefined {
    return undefined
  }
  /** Arranges that `finish` is called when the response has really ended. Called at most once. */
  protected abstract watchEnd(): void
  /**
   * Whether the client disconnected before the pipeline ran. Such a request has no client address, so no
   * middleware can judge it, and nobody waits for its answer.
   */
  get hasDisconnected(): boolean {
    return false
  }

  get services(): Services {
    return this.pipeline.services
  }

  /** The path of `url`, percent-encoded as received, without the query. */
  get path(): string {
    return this.currentTarget.path
  }

  get query(): URLSearchParams {
    return this.currentTarget.query
  }

  /** The client by the pipeline's `trust`. */
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

  /**
   * Whether the client's request was encrypted on its way: the socket is, or its peer is a proxy that the pipeline's `trust` names and says so -
   * in `Forwarded` where trust reads that header, else in `X-Forwarded-Proto`. From any other peer these headers are not read.
   *
   * Spoofable if a trusted proxy passes on the client's own header instead of replacing it or appending to it. When in doubt it is false.
   */
  get secure(): boolean {
    this.cachedSecure ??= this.encrypted || this.isSecureByProxy()
    return this.cachedSecure
  }

  /** The id that correlates logs, events and refusals; `requestId()` sets it, else one is made when it is first asked for. */
  get requestId(): string {
    this.cachedId ??= this.pipeline.identify(this as RequestContext) ?? crypto.randomUUID()
    this.announce()
    return this.cachedId
  }

  /** Whether the id is settled: set, or asked for. From then on it stays the same. */
  get hasRequestId(): boolean {
    return this.cachedId !== undefined
  }

  set requestId(id: string) {
    this.cachedId = id
    this.announce()
  }

  /** Aborted when the client leaves before the response has ended. */
  get signal(): AbortSignal {
    if (this.abort === undefined) {
      this.abort = new AbortController()
      if (this.ended === undefined) this.watch()
      else if (this.ended.aborted) this.abort.abort(clientLeft())
    }
    return this.abort.signal
  }

  /**
   * Refuses the request: emits `request:denied` and renders the answer. The middleware returns what this returns.
   *
   * @throws RangeError for a refusal that would be none: a status that is no 4xx or 5xx, no code, no message. The request stays refused, with
   * 500, also if somebody catches that.
   */
  deny(denial: Denial): Reply {
    this.denial = MISTAKE
    checkDenial(denial)
    this.denial = denial
    const { events } = this.pipeline.services
    if (events.has('request:denied')) {
      events.emit('request:denied', {
        requestId: this.requestId,
        method: this.method,
        path: this.path,
        ip: this.client.ip,
        status: denial.status,
        code: denial.code,
        reason: denial.reason,
        by: denial.by,
      })
    }
    return this.render(denial, undefined)
  }

  /** Answers an error that was thrown: a 500 unless the error says otherwise. Logged and emitted by whoever caught it. */
  render(denial: Denial, cause: unknown): Reply {
    const { errors, clock, production, logger } = this.pipeline.services
    let reply: Reply
    try {
      reply = errors(
        { ...denial, cause, production, timestamp: clock.now(), requestId: this.requestId },
        this as RequestContext,
      )
      // Nothing, returned to the runner, would mean "go on".
      if (!isReply(reply)) throw noReply(reply)
    } catch (error) {
      const fields = { err: this.inspected(error), request_id: this.requestId }
      logger.error(fields, 'the error renderer failed')
      const { status, code, message } = refusalOf(denial.status)
      reply = Reply.json(status, { error: { code, message } })
    }
    if (denial.retryAfterSeconds !== undefined)
      reply = reply.with({ 'Retry-After': String(denial.retryAfterSeconds) })
    return denial.headers === undefined ? reply : reply.with(denial.headers)
  }

  private isSecureByProxy(): boolean {
    const { trust } = this.pipeline.services
    if (trust.isProxy === undefined) return false
    const header = trust.header === 'forwarded' ? 'forwarded' : 'x-forwarded-proto'
    const value = this.header(header)
    return (
      value !== undefined &&
      trust.isProxy(this.peer) &&
      saysEncrypted(header, value, trust.proxies !== undefined)
    )
  }

  /**
   * For a middleware that answers a path itself: names the template that the outcome has as its route, since the host's router knows of none.
   *
   * @param template from the team's options, never a value of the client: `/admin/bans/:ip`
   */
  answersAt(template: string): void {
    this.ownRoute = template
  }

  // What follows is for the pipeline and the adapters.

  /**
   * Whether the target is a path, `*`, or an absolute form as RFC 9112 section 3.2.2 has it. Of anything else, `http:///a` or `http://[b/a`, a proxy, a host
   * and this class may each see another path.
   */
  get hasValidTarget(): boolean {
    return this.currentTarget.isValid
  }

  /**
   * The last run of a pipeline here, if it was with the method, target and credential that the host has now.
   * With others the request is decided anew: what was let through was another request.
   */
  sameRun(pipeline: CompiledPipeline): Run | undefined {
    const run = this.runOf(pipeline)
    return run !== undefined && this.isAt(run.target) && run.credential === this.credentialNow()
      ? run
      : undefined
  }

  /** Whether a pipeline ran here to its end and let the request through, the last time that it ran. */
  hasPassed(pipeline: CompiledPipeline): boolean {
    return this.runOf(pipeline)?.passed === true
  }

  /** The runner notes in what it gets how far it has come. */
  begin(pipeline: CompiledPipeline): Run {
    // The root again: what it knew belongs to the request that this one was before.
    if (pipeline === this.pipeline && this.runs !== undefined) this.forget()
    const run: Run = {
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

  /**
   * Has `request:start` emitted once the id of the request is settled: a middleware may set it, and every
   * event of a request has one id.
   */
  announceLater(): void {
    this.isUnannounced = true
  }

  announce(): void {
    if (!this.isUnannounced) return
    this.isUnannounced = false
    this.pipeline.announce(this as RequestContext)
  }

  /** Whether a middleware of that name was reached on this request in front of the one that runs. */
  hasReached(name: string): boolean {
    let own = 1
    for (let run = this.runs; run !== undefined; run = run.before) {
      if (run.pipeline.isReached(name, run.reached - own)) return true
      own = 0
    }
    return false
  }

  private forget(): void {
    Object.assign(this.state, this.pipeline.newState())
    this.cachedClient = undefined
    this.cachedSecure = undefined
  }

  private runOf(pipeline: CompiledPipeline): Run | undefined {
    for (let run = this.runs; run !== undefined; run = run.before) if (run.pipeline === pipeline) return run
    return undefined
  }

  /**
   * Notes what a middleware or the handler threw: the first such error is the outcome's. Where the
   * answer is a failure of the server, whoever gives it, and nothing has reported the error by the end of
   * the response, it is reported then.
   *
   * @returns the error, in a form that can be inspected
   */
  noteError(thrown: unknown): unknown {
    const error = this.inspected(thrown)
    this.error ??= error
    this.watch()
    return error
  }

  /** A thrown value in a form that can be inspected, and the same one each time. */
  inspected(thrown: unknown): unknown {
    if (this.thrown === undefined || !Object.is(this.thrown.value, thrown)) {
      const shown = inspectable(thrown)
      // A value that stands for another is noted as itself, so that both are the same error.
      if (this.thrown !== undefined && this.thrown.shown === shown) return shown
      this.thrown = { value: thrown, shown }
    }
    return this.thrown.shown
  }

  private reportAtEnd({ status, aborted }: Outcome): void {
    const isAnswered = status !== undefined && status < 500 && !aborted
    if (this.error === undefined || this.reported !== undefined || isAnswered) return
    reportError(this as RequestContext, this.error, HANDLER_FAILED, undefined)
  }

  /**
   * What the host has now. While a pipeline decides, only its own middlewares run, which cannot change the
   * request, so the host is not asked each time.
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

  /** The `Authorization` as the host has it now; `undefined` too on a host whose requests cannot change. */
  protected credentialNow(): string | undefined {
    return undefined
  }

  private isAt(target: RequestTarget): boolean {
    return target.method === this.method && target.url === this.url
  }

  /**
   * Keeps the asynchronous context of the request (`AsyncLocalStorage`) for `onResponse`, which a socket or a
   * stream calls. For hosts whose platform has such contexts.
   */
  rememberContext(): void {}

  /** Whether the response has really ended, as far as anybody watches. */
  get hasEnded(): boolean {
    return this.ended !== undefined
  }

  /** Whether the response ended before its time because the client went away. Asked when something failed, which may only be the echo of that. */
  get clientHasLeft(): boolean {
    this.watch()
    return this.ended?.aborted === true
  }

  /** Makes sure that the end of the response will be seen. */
  watch(): void {
    if (this.watched || this.ended !== undefined) return
    this.watched = true
    this.watchEnd()
  }

  /** A throw of the host at the end would reach no caller but the process. */
  private routeAtEnd(status: number | undefined): string | undefined {
    try {
      return this.route ?? this.mountOf(status)
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

  /** A 404 below a mount names no route: a scan must still look like one. */
  private mountOf(status: number | undefined): string | undefined {
    return status === 404 ? undefined : this.mountPath
  }

  /** The response has really ended, or the client has left. Called by the adapter; only the first call counts. */
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
}

function clientLeft(): DOMException {
  return new DOMException('The client left before the response ended', 'AbortError')
}

function noReply(returned: unknown): TypeError {
  // Nobody waits for a promise, and its rejection would end the process.
  if (isPromise(returned)) returned.then(undefined, () => {})
  const what = isPromise(returned) ? 'a promise' : typeof returned
  return new TypeError(`the error renderer returned ${what}; allowed: a Reply`)
}
