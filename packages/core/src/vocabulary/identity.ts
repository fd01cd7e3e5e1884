/**
 * Who is calling. Auth makes it, guards read it; a team with its own login sets it through `provideIdentity`.
 * Frozen: it may be shared by many requests.
 */
export interface Identity {
  /** The stable id of the user, service or key owner (`sub`). */
  readonly subject: string
  /** How it was established: `jwt`, `api-key`, `basic`, `session`, or a team's own word. */
  readonly method: string
  readonly scopes: ReadonlySet<string>
  readonly roles: ReadonlySet<string>
  readonly tenant?: string
  /** `resource:action` strings; guards compile them. */
  readonly permissions?: readonly string[]
  /** Whatever else the credential said. */
  readonly claims: Readonly<Record<string, unknown>>
  /** Milliseconds since 1970; absent when it does not end by itself. */
  readonly expiresAt?: number
}
