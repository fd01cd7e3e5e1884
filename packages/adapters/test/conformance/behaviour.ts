/**
 * One table of behaviours, run on every host. To add one, append an entry to a file of
 * `behaviours/` (a new file is one line in its index):
 *
 *     {
 *       title: 'given a gate that refuses when a request comes then it is answered 403',
 *       edge: probe => probe.pipeline().use(gate()),
 *       when: { target: '/orders' },
 *       // one expectation for each request; what is not named is not looked at
 *       gets: { status: 403, headers: { 'X-Gate': 'closed' }, body: /FORBIDDEN/ },
 *     }
 *
 * Without `edge` a single recording middleware `a` is in front; without `routes` there is one,
 * `GET /`, that answers `ok`. Handlers describe their answer neutrally (`answers.ts`), and each
 * host gives it in its own idiom. Whatever is logged as an error or a warning and not listed in
 * `logs` fails the behaviour; so does an `onResponse` that runs never or twice.
 */
import type { EventName, Outcome, Pipeline } from '@palisade/core'
import type { Handler } from './answers.js'
import type { Answered, Client, ClientRequest } from './client/client.js'
import type { Probe } from './probe.js'

export interface Behaviour {
  readonly title: `given ${string} when ${string} then ${string}`
  /** What stands in front of the routes, built for each run. */
  readonly edge?: (probe: Probe) => Pipeline<object>
  /** Pipelines behind the edge, by the name under which routes ask for them. */
  readonly branches?: (edge: Pipeline<object>, probe: Probe) => Readonly<Record<string, Pipeline<object>>>
  readonly app?: App
  /** The requests, one after the other, or what a client does. */
  readonly when: ClientRequest | readonly ClientRequest[] | Script
  /** What each request gets, in the same order. */
  readonly gets: Expected | readonly Expected[]
  /**
   * Everything that was noted, in order: `a>` for a request hook, `<a` for a response hook,
   * `handler`, and `probe.note()`.
   */
  readonly trace?: readonly string[]
  /** The outcomes that the first middleware of the edge was given, in order. */
  readonly outcomes?: readonly ExpectedOutcome[]
  /**
   * The events in order, with the facts that count. Others than those named here are not looked at.
   */
  readonly events?: readonly ExpectedEvent[]
  /** The errors and warnings that are logged, in order. `any`: it is the host's to say. */
  readonly logs?: readonly RegExp[] | 'any'
  /** What the host must have. */
  readonly needs?: readonly Need[]
  /** Hosts on which it cannot be seen, and why. */
  readonly notOn?: Readonly<Record<string, string>>
  /** Set where the behaviour is about one kind of host only. */
  readonly only?: { readonly hosts: readonly string[]; readonly because: string }
}

/** What some hosts have not. */
export type Need =
  /** A server of its own, with connections that can be misused. */
  | 'socket'
  /** Node's HTTP server, whose `upgrade` event can be guarded. */
  | 'upgrades'
  /** `errorHandler`. */
  | 'error-handler'
  /** `notFoundHandler`. */
  | 'not-found-handler'
  /** A router that answers on its own what no route matches. */
  | 'router'
  /** A request whose method and target the team's middleware can change. */
  | 'rewrites'

export type Script = (client: Client, probe: Probe) => Promise<readonly Answered[]>

export interface App {
  /** Default: `GET /` answers `ok`. */
  readonly routes?: readonly Route[]
  readonly mounts?: readonly Mount[]
  /** Default `once`. */
  readonly edge?: 'once' | 'twice' | 'never'
  /** Another pipeline that has nothing to do with the edge, mounted behind it. */
  readonly neighbour?: (probe: Probe) => Pipeline<object>
  /** Whether the edge's own error and 404 handlers are mounted. Default false. */
  readonly errorHandler?: boolean
  readonly notFoundHandler?: boolean
  /** The status with which an error handler of the team's own answers every error. */
  readonly ownErrorHandler?: number
  /**
   * A middleware of the team behind the edge, in front of the routes, that changes requests as the
   * host's users do.
   */
  readonly rewrite?: Rewrite
  /** The same in front of the edge. It changes headers only. */
  readonly rewriteInFront?: Rewrite
  /** Something in front of the edge reads the body. */
  readonly bodyReadInFront?: boolean
  /** The host's usual JSON parser stands behind the edge. */
  readonly parsers?: boolean
  /** Echoing WebSockets, behind `handleUpgrade` of the edge. */
  readonly webSockets?: boolean
  /** Default `127.0.0.1`. */
  readonly listenOn?: string
  readonly tls?: boolean
}

/** What of the request changes; `undefined` where all stays. */
export type Rewrite = (request: {
  readonly method: string
  readonly target: string
  header(name: string): string | undefined
}) => Rewritten | undefined

export interface Rewritten {
  readonly method?: string
  readonly target?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'OPTIONS' | 'PUT' | 'DELETE'
  readonly path: string
  readonly handler: Handler
  /** The branches in front of it, the outer one first. */
  readonly through: readonly string[]
}

/** A router, plugin or sub-app of the host at a prefix, which may have parameters. */
export interface Mount {
  readonly at: string
  readonly routes: readonly Route[]
  readonly mounts?: readonly Mount[]
  /** The branches in front of the whole mount. */
  readonly through?: readonly string[]
  /** A complete app where the host tells apps from routers. */
  readonly asApp?: boolean
}

export interface Expected {
  readonly status?: number
  /**
   * Text: that value in one line. A list: exactly these lines. `null`: not there. Names in any
   * case.
   */
  readonly headers?: Readonly<Record<string, string | RegExp | readonly string[] | null>>
  readonly body?: string | RegExp | ((body: string) => void)
  /** The connection was closed by the server. Not looked at where there is no connection. */
  readonly closed?: boolean
}

export interface ExpectedOutcome extends Partial<Omit<Outcome, 'error' | 'durationMs'>> {
  /** `null`: there was none. */
  readonly error?: RegExp | null
  /** The `route`, where a middleware named it: also on hosts without a router. */
  readonly ownRoute?: string
}

/** With `whole` the payload has these facts and no others. */
export type ExpectedEvent = readonly [
  name: EventName,
  facts: Readonly<Record<string, unknown>>,
  how?: 'whole',
]

export function get(path: string, handler: Handler, ...through: string[]): Route {
  return { method: 'GET', path, handler, through }
}

export function post(path: string, handler: Handler, ...through: string[]): Route {
  return { method: 'POST', path, handler, through }
}
