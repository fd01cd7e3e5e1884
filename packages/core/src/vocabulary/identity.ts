/**
 * Who is calling. Auth makes it, guards read it; a team with its own login sets it through
 * `provideIdentity`. Frozen: it may be shared by many requests.
 */
export interface Identity {
  /** The stable id of the user, service or key owner (`sub`). */
  readonly subject: string
  /** How it was established: `jwt`, `api-key`, `basic`, `session`, or a team's own word. */
  readonly method: string
  readonly scopes: ReadonlySet<string>
  readonly roles: ReadonlySet<string>
  readonly tenant?: string
  /** The id of the session, where there is one. It is logged: never the secret of a cookie. */
  readonly session?: string
  /** `resource:action` strings; guards compile them. */
  readonly permissions?: readonly string[]
  /** Whatever else the credential said. */
  readonly claims: Readonly<Record<string, unknown>>
  /** Milliseconds since 1970; absent when it does not end by itself. */
  readonly expiresAt?: number
}

/**
 * For what comes out of a team's own code. A half-made identity would make a guard decide on
 * `undefined`, or on an object that a query reads as an operator.
 *
 * @param by who returned it, for the message: `the function returned`
 * @throws TypeError for what is no identity, and for one whose tenant, session, permissions or end
 * are of another type
 */
export function assertIdentity(value: unknown, by: string): asserts value is Identity {
  const { subject, method, scopes, roles, tenant, session, permissions, claims, expiresAt } = (value ??
    {}) as Partial<Identity>
  const isIdentity =
    typeof subject === 'string' &&
    subject !== '' &&
    typeof method === 'string' &&
    scopes instanceof Set &&
    roles instanceof Set &&
    typeof claims === 'object' &&
    claims !== null
  if (!isIdentity)
    throw new TypeError(
      `${by} no identity; needed: subject and method (strings), scopes and roles (sets), claims (an object)`,
    )
  const isFit =
    (tenant === undefined || typeof tenant === 'string') &&
    (session === undefined || typeof session === 'string') &&
    (permissions === undefined || Array.isArray(permissions)) &&
    (expiresAt === undefined || Number.isFinite(expiresAt))
  if (!isFit)
    throw new TypeError(
      `${by} an identity that is unfit; allowed: tenant and session (strings), permissions (a list of strings), expiresAt (milliseconds), or without`,
    )
}
