import type { MaybePromise } from '../kernel/maybe-promise.js'

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
      /** The scopes, roles or permissions that would have been enough. */
      readonly missing?: readonly string[]
      /**
       * The parameters of a Bearer challenge, without its realm (RFC 6750 section 3):
       * `{ error: 'insufficient_scope', scope: 'a b' }`.
       */
      readonly challenge?: Readonly<Record<string, string>>
      /**
       * The guard lacked what it decides by - a record, a tenant, an address: this is no "no", and
       * its negation is no "yes".
       */
      readonly undecided?: boolean
    }

/**
 * Decides whether this caller may do this, with or without a record at hand: `undefined` when no
 * record is asked about, `null` when the one that is does not exist.
 */
export type Guard<Context = unknown, Record = unknown> = (
  context: Context,
  record?: Record | null,
) => MaybePromise<Decision | boolean>
