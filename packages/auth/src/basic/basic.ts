import { createHmac, randomBytes } from 'node:crypto'
import {
  callback,
  checkOptions,
  type Duration,
  duration,
  integer,
  type MaybePromise,
  object,
  optional,
  orFalse,
  quotedString,
  text,
} from '@palisade/core/middleware'
import { LRUCache } from 'lru-cache'
import { realmName } from '../challenge.js'
import { type IdentityParts, makeIdentity } from '../identity/make-identity.js'
import type { Attempt, Authenticated, Failed, Invalid, Strategy, VerifyResult } from '../strategy.js'
import { isBasic, parseBasic } from './credentials.js'
import { accountOf, Lockout, type LockoutOptions, lockoutOptions } from './lockout.js'
import { Overloaded } from './work-queue.js'

/** Who a user is, in an identity's words. */
export type BasicUser = Omit<IdentityParts, 'method'>

/** What else `verify` is told. */
export interface PasswordContext {
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal
  /**
   * Whether the account has to wait: the answer is 401 whatever comes of it, and a right password
   * must cost and change no more than a wrong one.
   */
  readonly isLocked: boolean
  /**
   * The key of the client, by whose share of the queue the password waits to be checked;
   * `undefined` without an address.
   */
  readonly client: string | undefined
}

export interface BasicOptions {
  /**
   * Whose the password is; nothing for a wrong one and for an unknown user, in the same time.
   * `passwordUsers().verify` does it. An error is a 503.
   */
  verify: (
    username: string,
    password: string,
    context: PasswordContext,
  ) => MaybePromise<BasicUser | null | undefined>
  /** Default `api`. */
  realm?: string
  /** How rules name it. Default `basic`. */
  name?: string
  /**
   * How long a login that was right is remembered, since every request brings the password again.
   * Default 60 s for 1,000; a changed password is seen after that.
   */
  cache?: { maxKeys?: number; ttl?: Duration } | false
  /**
   * How long who guesses has to wait, with the same answer as for a wrong password. Kept in this
   * process. Default: from the fifth failure on.
   */
  lockout?: LockoutOptions | false
}

/** The `Authorization` field; what stands in it is read when it is verified. */
export interface PresentedPassword {
  readonly field: string
}

/**
 * Basic authentication (RFC 7617): a user and a password in every request. Only over TLS: the
 * password is as good as in the clear.
 *
 * It defends against guessing when `authenticate({ throttle: { basic } })` counts failures, and
 * against reading passwords out of the database by scrypt. Every failure is the same 401, for the
 * same work. Fails closed: users that cannot be looked up are a 503.
 *
 *     basic({ verify: passwordUsers({ find: name => db.userByName(name) }).verify })
 *
 * @throws ConfigError for a wrong option
 */
export function basic(options: BasicOptions): Strategy<PresentedPassword> {
  const { verify, realm, name, cache, lockout } = checkOptions('basic', options, {
    verify: callback<BasicOptions['verify']>('a function (username, password) => user or nothing'),
    realm: optional(realmName, 'api'),
    name: optional(text({ max: 50 }), 'basic'),
    cache: optional(
      orFalse(
        object({
          maxKeys: optional(integer({ min: 1, max: 1_000_000 }), 1000),
          ttl: optional(duration({ max: '10m' })),
        }),
      ),
    ),
    lockout: optional(orFalse(lockoutOptions)),
  })
  const challenge = `Basic realm=${quotedString(realm)}, charset="UTF-8"`
  const remembered =
    cache === false ? undefined : new RememberedLogins(cache?.maxKeys ?? 1000, cache?.ttl ?? 60_000)

  const lock = lockout === false ? undefined : new Lockout(lockout)

  return {
    name,
    scheme: 'Basic',

    extract(ctx) {
      const field = ctx.header('authorization')
      // A malformed credential is a wrong one: the user gets to type again.
      return field === undefined || !isBasic(field) ? null : { field }
    },

    recall({ field }, attempt) {
      const { client } = attempt
      const login = remembered?.find(field, attempt)
      // Of who has to wait, a guess that is right must look as one that is wrong.
      if (login === undefined || attempt.isThrottled) return undefined
      return lock?.isLocked(login.account, client.key, attempt.monotonic) ? undefined : login.result
    },

    async verify({ field }, attempt) {
      const credentials = parseBasic(field)
      if (credentials === undefined) return wrong('malformed', undefined)
      const { username, password } = credentials
      const account = accountOf(username)
      const reserved = lock?.reserve(account, attempt.client.key, attempt.monotonic)
      let result: VerifyResult
      try {
        result = conclude(
          await verify(username, password, contextOf(attempt, reserved?.isLocked === true)),
          username,
        )
      } catch (error) {
        result = unavailable(error)
      }
      // Verified all the same, so that neither the time nor the answer tells that the account
      // waits.
      if (reserved?.isLocked === true && result.outcome !== 'error') return wrong('locked', username)
      if (result.outcome === 'error') reserved?.forgotten()
      if (result.outcome === 'invalid') reserved?.failed()
      if (result.outcome === 'authenticated') {
        reserved?.succeeded()
        remembered?.add(field, { account, result }, attempt)
      }
      return result
    },

    challenge: () => challenge,
    secretOf: ({ field }) => field,
    clear: suspect => lock?.clear(suspect),
  }

  function conclude(user: BasicUser | null | undefined, username: string): VerifyResult {
    if (user === null || user === undefined) return wrong('wrong password', username)
    if (typeof user !== 'object' || typeof user.subject !== 'string' || user.subject === '')
      return {
        outcome: 'error',
        error: new TypeError('verify returned no user; needed: a subject'),
        reason: 'verify',
      }
    return Object.freeze({ outcome: 'authenticated', identity: makeIdentity({ ...user, method: name }) })
  }
}

const wrong = (reason: string, subject: string | undefined): Invalid => ({
  outcome: 'invalid',
  failure: 'invalid',
  reason,
  subject,
})

/** The signal is made when it is asked for. */
const contextOf = (attempt: Attempt, isLocked: boolean): PasswordContext => ({
  get signal() {
    return attempt.signal
  },
  isLocked,
  client: attempt.client.key,
})

const unavailable = (error: unknown): Failed => ({
  outcome: 'error',
  error,
  reason: error instanceof Overloaded ? 'overloaded' : 'users cannot be looked up',
  ...(error instanceof Overloaded && { retryAfterSeconds: 1 }),
})

interface Login {
  /** As the lockout knows it. */
  readonly account: string
  readonly result: Authenticated
}

/**
 * Logins that were right, under a key of this process: no password is kept, nor anything that could
 * be tried against one elsewhere.
 */
class RememberedLogins {
  /** Drawn on first use: some runtimes have no random values while modules load. */
  #key: Buffer | undefined
  readonly #logins: LRUCache<string, { readonly login: Login; readonly until: number }>
  readonly #ttlMs: number

  constructor(max: number, ttlMs: number) {
    this.#logins = new LRUCache({ max })
    this.#ttlMs = ttlMs
  }

  /** Of the client that was right: no other one learns from it that a guess is. */
  find(field: string, { client, now, monotonic }: Attempt): Login | undefined {
    const known = this.#logins.get(this.#digest(field, client.key))
    if (known === undefined || known.until <= monotonic) return undefined
    const { expiresAt = Number.POSITIVE_INFINITY } = known.login.result.identity
    return expiresAt > now ? known.login : undefined
  }

  add(field: string, login: Login, { client, monotonic }: Attempt): void {
    this.#logins.set(this.#digest(field, client.key), { login, until: monotonic + this.#ttlMs })
  }

  /** A client's key has no space in it. */
  #digest(field: string, client = ''): string {
    this.#key ??= randomBytes(32)
    return createHmac('sha256', this.#key).update(`${client} ${field}`).digest('base64')
  }
}
