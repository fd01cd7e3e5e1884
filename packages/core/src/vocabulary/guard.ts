import type { MaybePromise } from './maybe-promise.js'

export type Decision =
  | { readonly allow: true }
  | {
      readonly allow: false
      readonly status: 401 | 403 | 404
      readonly code: string
      /** Safe to show to the client. */
      readonly message: string
      /** For logs and events. */
      readonly reason: string
      /** The scopes or roles that would have been enough. */
      readonly missing?: readonly string[]
    }

/** Decides whether this caller may do this, with or without a record at hand. */
export type Guard<Context = unknown, Record = unknown> = (
  context: Context,
  record?: Record,
) => MaybePromise<Decision | boolean>
