import type { Identity } from '../vocabulary/identity.js'
import type { Violation } from '../vocabulary/violation.js'

/** What most events know of their request. */
export interface RequestFacts {
  readonly requestId: string
  readonly method: string
  /** Without the query, which may hold secrets. */
  readonly path: string
}

export interface BanEvent {
  readonly ip: string
  readonly jail: string
  readonly reason: string
  /** Milliseconds since 1970; `null` for a permanent ban. */
  readonly expiresAt: number | null
}

/**
 * The events of Palisade and their payloads. An interface, so that a package or a team adds its own by declaration merging:
 *
 *     declare module '@palisade/core' { interface PalisadeEvents { 'invoice:paid': { id: string } } }
 */
export interface PalisadeEvents {
  'request:start': RequestFacts & { readonly ip: string | undefined }
  'request:end': RequestFacts & {
    readonly ip: string | undefined
    readonly status: number | undefined
    readonly route: string | undefined
    readonly durationMs: number
    readonly aborted: boolean
  }
  /** A middleware or a handler failed: a 5xx. */
  'request:error': RequestFacts & { readonly error: unknown; readonly by: string | undefined }
  /** A middleware refused. `reason` is for the team, never for the client. */
  'request:denied': RequestFacts & {
    readonly ip: string | undefined
    readonly status: number
    readonly code: string
    readonly reason: string | undefined
    readonly by: string | undefined
  }
  'auth:success': RequestFacts & { readonly strategy: string; readonly identity: Identity }
  'auth:failure': RequestFacts & {
    readonly strategy: string | undefined
    readonly reason: string
    readonly ip: string | undefined
    readonly subject: string | undefined
  }
  'user:created': { readonly subject: string; readonly detail?: Readonly<Record<string, unknown>> }
  'user:login': { readonly subject: string; readonly strategy: string; readonly ip: string | undefined }
  'ratelimit:exceeded': Partial<RequestFacts> & {
    readonly key: string
    readonly policies: readonly string[]
    readonly retryAfterMs: number
    readonly shadow: boolean
  }
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
