import type { HeaderBag } from './reply.js'

/** A refusal that a middleware asks for through `ctx.deny()`. */
export interface Denial {
  readonly status: number
  /** Stable and machine-readable: `RATE_LIMITED`. */
  readonly code: string
  /** Safe to show to a stranger. */
  readonly message: string
  /** Safe to show; appears in the body. */
  readonly details?: Readonly<Record<string, unknown>>
  readonly headers?: HeaderBag
  /** Whole seconds; becomes `Retry-After`, and `retry_after` in the envelope. */
  readonly retryAfterSeconds?: number
  /** Why, for logs and events only. */
  readonly reason?: string
  /** Which middleware refused, for events: `rate-limit`. */
  readonly by?: string
  /** Which of its rules, for events: the name of a policy, a guard, a list. */
  readonly rule?: string
  /** RFC 9457 members for the problem-details form. */
  readonly problem?: {
    readonly type: string
    readonly title?: string
    readonly extensions?: Readonly<Record<string, unknown>>
  }
}

/** Whether a protection refuses, or only reports what it would refuse. */
export type Mode = 'enforce' | 'shadow'

/** What a renderer is given: the denial, and what happened if it was an error. */
export interface Failure extends Denial {
  /** The error behind a 500; `undefined` for a refusal. */
  readonly cause: unknown
  /** True when nothing of the cause may be shown. */
  readonly production: boolean
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly requestId: string
}
