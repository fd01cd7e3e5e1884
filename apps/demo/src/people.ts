import { randomBytes } from 'node:crypto'
import { type ApiKeys, apiKeys, type PasswordUsers, passwordHasher, passwordUsers } from '@palisade/auth'
import type { Clock } from '@palisade/core'
import { createLimiter } from '@palisade/ratelimit'
import { SignJWT } from 'jose'

export interface Person {
  readonly name: string
  readonly tenant: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
}

const READ_WRITE = ['orders:read', 'orders:write']

/**
 * Two tenants with an administrator and a user each, and the operator, who runs the server and has
 * no orders.
 */
export const PEOPLE: readonly Person[] = [
  { name: 'olga', tenant: 'platform', roles: ['admin'], scopes: ['security:admin', 'keys:admin'] },
  { name: 'ada', tenant: 'acme', roles: ['admin'], scopes: READ_WRITE },
  { name: 'alan', tenant: 'acme', roles: [], scopes: READ_WRITE },
  { name: 'grace', tenant: 'globex', roles: ['admin'], scopes: READ_WRITE },
  { name: 'gus', tenant: 'globex', roles: [], scopes: READ_WRITE },
]

export const ISSUER = { issuer: 'palisade-demo', audience: 'palisade-demo' }
const LIFETIME_SECONDS = 3600

/** What `GET /demo/credentials` tells. */
export interface Credentials {
  readonly tokens: readonly (Person & { readonly token: string })[]
  readonly basic: readonly (Person & { readonly username: string; readonly password: string })[]
  readonly apiKey: {
    readonly header: string
    readonly key: string
    readonly owner: string
    readonly tenant: string
    readonly scopes: readonly string[]
  }
}

export interface People {
  readonly keys: ApiKeys
  readonly users: PasswordUsers
  readonly secret: Uint8Array
  /** Whether `GET /demo/credentials` hands them out. */
  readonly tellsCredentials: boolean
  credentials(clock: Clock): Promise<Credentials>
}

/**
 * All users of the demo. Their secrets are made at each start and kept in memory only, so no
 * password is the same on two machines.
 *
 * @param cost of a password's hash: scrypt's log2(N)
 * @param tellsCredentials whether `GET /demo/credentials` hands them out
 */
export async function demoPeople(cost = 15, tellsCredentials = true): Promise<People> {
  const secret = randomBytes(32)
  // The second of OWASP's equivalents of N=2^17: the same work in a quarter of the memory.
  const hasher = passwordHasher({ cost, parallelization: 3, concurrency: 2 })
  const accounts = new Map(
    await Promise.all(
      PEOPLE.map(async person => {
        const password = randomBytes(12).toString('base64url')
        return [person.name, { person, password, passwordHash: await hasher.hash(password) }] as const
      }),
    ),
  )
  const keys = apiKeys({ prefix: 'demo', limiter: rate => createLimiter(rate) })
  const reader = { owner: 'warehouse', tenant: 'acme', scopes: ['orders:read'] }
  const { key } = await keys.create({ name: "acme's warehouse", ...reader })

  return {
    tellsCredentials,
    keys,
    secret,
    users: passwordUsers({
      hasher,
      find(name) {
        const account = accounts.get(name)
        return account && { ...account.person, subject: name, passwordHash: account.passwordHash }
      },
    }),
    credentials: async clock => ({
      tokens: await Promise.all(
        PEOPLE.map(async person => ({ ...person, token: await tokenFor(person, secret, clock) })),
      ),
      basic: [...accounts.values()].map(({ person, password }) => ({
        ...person,
        username: person.name,
        password,
      })),
      apiKey: { header: 'X-API-Key', key, ...reader },
    }),
  }
}

function tokenFor(
  { name, tenant, roles, scopes }: Person,
  secret: Uint8Array,
  clock: Clock,
): Promise<string> {
  const now = Math.floor(clock.now() / 1000)
  return new SignJWT({ tenant, roles, scope: scopes.join(' ') })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(ISSUER.issuer)
    .setAudience(ISSUER.audience)
    .setSubject(name)
    .setIssuedAt(now)
    .setExpirationTime(now + LIFETIME_SECONDS)
    .sign(secret)
}
