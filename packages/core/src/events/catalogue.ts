import type { Identity } from '../vocabulary/identity.js'
import type { Violation } from '../vocabulary/violation.js'

/** What most events know of their request. */
export interface RequestFacts {
  readonly requestId: string
  readonly method: string
  /** Without the query, which may hold secrets. */
  readonly path: string
}

/** Who sent a request, where a middleware has found out. */
export interface CallerFacts {
  /** The stable id of the user, service or key owner. */
  readonly subject?: string | undefined
  readonly tenant?: string | undefined
  /** The id of the session; never the secret of its cookie. */
  readonly session?: string | undefined
}

/**
 * A decision about a request, in the one form of all packages. One is emitted for each middleware
 * that decided. No credential, no body and no query is in it, nor what a limit counts by.
 */
export interface DecisionEvent extends RequestFacts, CallerFacts {
  readonly ip: string | undefined
  /**
   * What decided: `rate-limit`, `failban`, `ip-filter`, `authenticate`, `guard`. `undefined` for a
   * refusal of a handler, of a host or of the pipeline itself.
   */
  readonly by: string | undefined
  /** Which of its rules: the policy, jail, list, strategy or guard by its name. */
  readonly rule: string | undefined
  readonly decision: 'allow' | 'refuse'
  /** False for a refusal in shadow mode: the request passes. */
  readonly enforced: boolean
  /** Of the refusal; `undefined` when allowed. */
  readonly status: number | undefined
  /** Of the refusal, as in the answer; `undefined` when allowed. */
  readonly code: string | undefined
  /** For the team, never for the client. */
  readonly reason: string | undefined
  /** The client key: an IPv4 address or an IPv6 prefix. */
  readonly key: string | undefined
  /** The template of the route, where the host knows it when the middleware decides. */
  readonly route: string | undefined
}

export interface BanEvent {
  readonly ip: string
  readonly jail: string
  readonly reason: string
  /** Milliseconds since 1970; `null` for a permanent ban. */
  readonly expiresAt: number | null
}

/**
 * The events of Palisade and their payloads. An interface, so that a package or a team adds its own
 * by declaration merging:
 *
 *     declare module '@palisade/core' {
 *       interface PalisadeEvents { 'invoice:paid': { id: string } }
 *     }
 */
export interface PalisadeEvents {
  'request:start': RequestFacts & { readonly ip: string | undefined }
  'request:end': RequestFacts &
    CallerFacts & {
      readonly ip: string | undefined
      readonly status: number | undefined
      readonly route: string | undefined
      readonly durationMs: number
      readonly aborted: boolean
    }
  /** A middleware or a handler failed: a 5xx. */
  'request:error': RequestFacts & CallerFacts & { readonly error: unknown; readonly by: string | undefined }
  /**
   * A middleware let a request pass. Its payload is built only for a listener of this name,
   * `decision:*` or `*`.
   */
  'decision:allowed': DecisionEvent
  /**
   * A middleware, a handler or the pipeline refused a request, or would have in shadow mode
   * (`enforced: false`).
   */
  'decision:refused': DecisionEvent
  'auth:success': RequestFacts & { readonly strategy: string; readonly identity: Identity }
  'auth:failure': RequestFacts & {
    readonly strategy: string | undefined
    readonly reason: string
    readonly ip: string | undefined
    readonly subject: string | undefined
  }
  'user:created': { readonly subject: string; readonly detail?: Readonly<Record<string, unknown>> }
  'user:login': { readonly subject: string; readonly strategy: string; readonly ip: string | undefined }
  'ratelimit:store-error': { readonly error: unknown; readonly policy: 'local' | 'open' | 'closed' }
  'security:violation': Violation & Partial<RequestFacts>
  'security:banned': BanEvent & {
    readonly violations: number
    readonly banCount: number
    readonly shadow: boolean
  }
  /** Bans could not be read, kept or forgotten for good; those in memory stay in force. */
  'security:store-error': { readonly error: unknown; readonly operation: 'load' | 'save' | 'remove' }
  'security:unbanned': Omit<BanEvent, 'reason'> & {
    readonly cause: 'manual' | 'expired' | 'allow' | 'evicted'
  }
  'resource:created': ResourceEvent
  'resource:updated': ResourceEvent
  'resource:deleted': ResourceEvent
  'health:changed': {
    readonly status: string
    readonly previous: string
    readonly failing: readonly string[]
  }
  'shutdown:started': { readonly signal: string }
  'shutdown:drained': { readonly durationMs: number }
  'shutdown:forced': { readonly open: number }
}

export interface ResourceEvent {
  readonly resource: string
  readonly id?: string
  readonly subject?: string
  readonly tenant?: string
  readonly requestId?: string
}

export type EventName = keyof PalisadeEvents & string

/** `resource:*` and `*`. */
export type EventPattern = EventName | '*' | `${string}:*`

/** The names that a pattern stands for. */
export type Matching<P extends EventPattern> = P extends '*'
  ? EventName
  : P extends `${infer Prefix}*`
    ? Extract<EventName, `${Prefix}${string}`>
    : Extract<P, EventName>

/** An event as wildcard listeners and streams see it. */
export type EmittedEvent<N extends EventName = EventName> = {
  [K in N]: { readonly name: K; readonly payload: PalisadeEvents[K] }
}[N]
