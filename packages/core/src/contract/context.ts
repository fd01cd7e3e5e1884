import type { ClientAddress } from '../address/client-address.js'
import type { Trust } from '../address/trust.js'
import type { RequestError } from '../errors/request-error.js'
import type { EventBus } from '../events/event-bus.js'
import type { Clock } from '../vocabulary/clock.js'
import type { Logger } from '../vocabulary/logger.js'
import type { Denial, Failure, Mode } from './denial.js'
import type { Reply } from './reply.js'

/**
 * One request, as every middleware sees it, on every host.
 *
 * @typeParam State what the middlewares of the pipeline have put into `state`
 */
export interface RequestContext<State extends object = {}> {
  readonly state: State
  readonly services: Services
  /** When the request came, by the monotonic time of the clock: for durations in this process. */
  readonly startedAt: number
  /**
   * The method as the host has it now, in upper case. A branch sees the method of its route, which
   * a middleware behind the parent may have changed (`method-override`). `onResponse` sees the
   * method and the target that `onRequest` saw.
   */
  readonly method: string
  /** The target as the host has it now, with the prefixes of mounts. */
  readonly url: string
  /** The path of `url`, percent-encoded as received, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** The host and port that the client asked for, as received; `undefined` where it named none. */
  readonly host: string | undefined
  /**
   * Whether the client asks for another protocol on this connection, such as WebSocket, and the
   * server has given the request to its upgrades. It has no body. `Reply.takeOver()` answers it.
   */
  readonly isUpgrade: boolean
  /** `1.0`, `1.1` or `2.0`; `undefined` where the host does not know it. */
  readonly httpVersion: string | undefined
  /** The address of the socket; `undefined` if the socket has no address. */
  readonly peer: string | undefined
  /** The client by the pipeline's `trust`. */
  readonly client: ClientAddress
  /**
   * Whether the client's request was encrypted on its way: the socket is, or its peer is a proxy
   * that the pipeline's `trust` names and that says so, in `Forwarded` where trust reads that
   * header, else in `X-Forwarded-Proto`. These headers of another peer are not read. When in doubt
   * it is false.
   *
   * Spoofable if a trusted proxy passes on the client's own header.
   */
  readonly secure: boolean
  /**
   * The id that correlates logs, events and refusals. `requestId()` sets it; else one is made when
   * it is first read.
   */
  requestId: string
  /** Whether the id is settled: set, or read. From then on it stays the same. */
  readonly hasRequestId: boolean
  /** Aborted when the client disconnects before the response has ended. */
  readonly signal: AbortSignal
  /**
   * Whether the client disconnected before the response ended. Failures are often only its echo.
   */
  readonly clientHasLeft: boolean
  /** The denial that answered this request, if one did. */
  readonly denial: Denial | undefined
  /**
   * The refusals of this request in their order. Those of shadow mode are not `enforced`: the
   * request went on.
   */
  readonly refusals: readonly { readonly denial: Denial; readonly enforced: boolean }[]
  /**
   * The sender of the request, as events and the access log name it: subject, tenant and session.
   * Default: `state.identity`. A middleware that verifies the sender in another way sets it.
   */
  caller: Caller | undefined
  /** The host's own request object. */
  readonly raw: unknown
  /** The template of the route that answered, once it is known. */
  readonly route: string | undefined
  /** A request header by its lower-case name. Several lines are joined (RFC 9110 section 5.3). */
  header(lowerCaseName: string): string | undefined
  /**
   * All request headers as a new list of field lines, for a proxy, a log or a rule over all of
   * them. Names are in lower case. A name with several lines is listed several times, in the order
   * received, also where `header()` shows the first line only. On hosts of the Fetch standard the
   * list is sorted by name and the lines of a name are joined, since a `Request` knows no more.
   *
   * What middleware in front has changed is seen: a field that it replaced has the new value only.
   * The pseudo-headers of HTTP/2 (`:path`) are not listed.
   */
  headers(): readonly (readonly [name: string, value: string])[]
  /**
   * Sets a response header so that it survives into 404, 500 and thrown errors on every host.
   *
   * @throws TypeError for CR, LF and NUL
   */
  setHeader(name: string, value: string): void
  /**
   * `setHeader` for each pair. The array is not changed: a middleware gives the same one for all
   * requests, which an adapter checks once.
   */
  setHeaders(pairs: readonly (readonly [name: string, value: string])[]): void
  /** Takes back a response header that the host or an earlier middleware has set. */
  removeHeader(name: string): void
  /** Adds one more field line (`Set-Cookie`) or list member (`Vary`). */
  appendHeader(name: string, value: string): void
  /**
   * The raw body, for middleware that answers the request itself: the handler cannot read it again.
   *
   * @throws RequestError 413 past `limit` bytes; 408 past the pipeline's `bodyTimeout`; 400 when
   * the client disconnects in the middle
   * @throws Error when something before the pipeline has read the body
   */
  bytes(limit: number): Promise<Uint8Array>
  /**
   * The unread body as a stream at the reader's pace, for a proxy or another middleware that
   * answers the request itself: the handler cannot read it again. Call it before `onRequest`
   * returns the `Reply`; it may be read while the `Reply` is sent. Where a reader stops early, a
   * little of the rest is discarded and the connection closes.
   *
   * Its iterator throws a `RequestError`: 400 when the client disconnects in the middle (with
   * `signal`), 408 when a reader waits longer than the pipeline's `bodyTimeout` for the next part.
   * The whole body may take longer.
   *
   * @throws Error when something before the pipeline has read the body
   */
  body(): AsyncIterable<Uint8Array>
  /**
   * The beginning of the body. The handler and middleware behind read all of it afterwards, as if
   * it had not been read.
   *
   * @returns at most `limit` bytes, and whether they are the whole body. The client is not asked
   * for much more.
   * @throws RequestError 408 when they take longer than the pipeline's `bodyTimeout`; 400 when the
   * client disconnects before
   * @throws Error when something before the pipeline has read the body
   */
  peek(limit: number): Promise<{ readonly bytes: Uint8Array; readonly complete: boolean }>
  /**
   * Refuses the request: emits `decision:refused` and renders the answer. The middleware returns
   * the result. In shadow mode it only emits the event, and returns `undefined`: the request goes
   * on.
   *
   * @param mode default `enforce`
   * @throws RangeError for a refusal without a 4xx or 5xx status, a code and a message. Unless in
   * shadow mode the request is then refused with 500, also if the error is caught.
   */
  deny(denial: Denial, mode?: 'enforce'): Reply
  deny(denial: Denial, mode: Mode): Reply | undefined
  /**
   * Reports that a middleware lets the request pass: emits `decision:allowed`, if something
   * listens. It decides nothing; a middleware behind may still refuse.
   *
   * @param by the name of the middleware
   * @param rule the policy, strategy, guard or list that decided
   */
  allowed(by: string, rule?: string): void
  /**
   * For a middleware that answers a path itself, of which the host's router knows nothing: names
   * the route of the outcome.
   *
   * @param template from the team's options, never a value of the client: `/admin/bans/:ip`
   */
  answersAt(template: string): void
  /**
   * Whether a middleware of that name was reached on this request in front of the one that runs.
   */
  hasReached(name: string): boolean
}

/** What events and logs call the sender of a request. An `Identity` fits. */
export interface Caller {
  readonly subject?: string | undefined
  readonly tenant?: string | undefined
  /** The id of the session; never the secret of its cookie. */
  readonly session?: string | undefined
}

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
   * Where middlewares of one kind meet that do not know each other, such as two rate limits that
   * answer in the same headers. Each kind has an entry, under a `Symbol.for` key of its own, so
   * that it is never state of a module. Of what it keeps for a request it must let go by itself.
   */
  readonly shared: Map<symbol, unknown>
}

/**
 * Turns a refusal or an error into an answer. One per pipeline: `envelope()`, `problemDetails()`,
 * or a function.
 */
export type ErrorRenderer = (failure: Failure, ctx: RequestContext) => Reply

/**
 * A team's own error classes as refusals. `undefined` leaves an error to the default.
 *
 * @param error what was thrown
 * @returns how to answer: a denial, or a `RequestError`
 */
export type MapError = (error: unknown, ctx: RequestContext) => Denial | RequestError | undefined
