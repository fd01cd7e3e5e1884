import {
  callback,
  checkOptions,
  ignoreRejection,
  type MaybePromise,
  optional,
  refuse,
  wrongResult,
} from '@palisade/core/middleware'
import type { BasicUser, PasswordContext } from './basic.js'
import { PasswordHasher, passwordHasher } from './password-hasher.js'
import { parsePhc } from './phc.js'

/** A user as the team's database knows it. */
export interface StoredUser extends BasicUser {
  /**
   * What `hasher.hash()` made: a PHC string. Absent: this user has no password. One that cannot be
   * read is an error, and no wrong password.
   */
  passwordHash?: string | null | undefined
  /**
   * No login while it is true. A boolean: other values are an error, as the 1 of some databases.
   */
  disabled?: boolean | undefined
}

export interface PasswordUsersOptions {
  /** The user by the name that was typed (NFC), or nothing. */
  find: (username: string) => MaybePromise<StoredUser | null | undefined>
  /** Default `passwordHasher()`. */
  hasher?: PasswordHasher
  /**
   * Stores a stronger hash of the same password: called after a login whose hash is weaker than
   * today's, which does not wait for it. One at a time; a failure is not the user's.
   */
  rehash?: (username: string, passwordHash: string) => MaybePromise<unknown>
}

export interface PasswordUsers {
  /**
   * For `basic({ verify })`, and for a login form. Nothing for an unknown user, a wrong password
   * and a disabled account, always for the work of one hash.
   *
   * @throws TypeError after the same work, where `find` returned no user, the stored hash cannot be
   * read, or `disabled` is no boolean; Overloaded; and what `find` throws
   */
  verify(
    username: string,
    password: string,
    context?: Partial<PasswordContext>,
  ): Promise<BasicUser | undefined>
  readonly hasher: PasswordHasher
}

/**
 * Users with passwords, wherever they are stored.
 *
 *     const users = passwordUsers({
 *       find: name => db.users.findOne({ name }),
 *       rehash: (name, hash) => db.users.setHash(name, hash),
 *     })
 *     const passwordHash = await users.hasher.hash('correct horse')
 *     await db.users.insert({ name: 'ada', subject: 'u1', passwordHash })
 *
 * @throws ConfigError for a wrong option
 */
export function passwordUsers(options: PasswordUsersOptions): PasswordUsers {
  const { find, rehash, ...checked } = checkOptions('passwordUsers', options, {
    find: callback<PasswordUsersOptions['find']>('a function (username) => user or nothing'),
    hasher: optional((value, at) =>
      value instanceof PasswordHasher ? value : refuse(at, value, 'what passwordHasher() returns'),
    ),
    rehash: optional(
      callback<NonNullable<PasswordUsersOptions['rehash']>>('a function (username, passwordHash)'),
    ),
  })
  const hasher = checked.hasher ?? passwordHasher()
  let isHashing = false

  return {
    hasher,

    async verify(username, password, context) {
      const found: unknown = await find(username)
      const user = typeof found === 'object' && found !== null ? (found as StoredUser) : undefined
      const stored: unknown = user?.passwordHash ?? undefined
      // Before the hash: a rejection that waits for it unobserved would end the process.
      for (const field of [stored, user?.disabled]) ignoreRejection(field)
      const phc = isReadable(stored) ? stored : undefined
      const isRight = await hasher.verify(password, phc, context?.signal, context?.client)
      // The team's faults: whether the password was wrong is not known, so it must not count
      // against the client.
      if (user === undefined && found !== undefined && found !== null)
        throw wrongResult('find', found, 'a user or nothing')
      if (user === undefined) return undefined
      const disabled: unknown = user.disabled ?? false
      // The 1 of a database is not `true`, and must not let the user in.
      if (typeof disabled !== 'boolean') throw wrongResult('find', disabled, '"disabled" of true or false')
      if (disabled) return undefined
      if (stored !== phc)
        throw new TypeError(
          'find returned a passwordHash that cannot be read; needed: what hasher.hash() makes',
        )
      // A hash of nothing, made elsewhere, opens nothing: users without a password have no hash.
      if (!isRight || password === '') return undefined
      const { passwordHash, disabled: _, ...rest } = user
      // Not for who has to wait: only a right password would cost a second hash, and tell itself.
      if (rehash !== undefined && context?.isLocked !== true && hasher.needsRehash(passwordHash as string))
        void strengthen(username, password)
      return pick(rest)
    },
  }

  /**
   * The login is right whatever becomes of this. One hash at a time, so that it takes no more than
   * one place from logins.
   */
  async function strengthen(username: string, password: string): Promise<void> {
    if (isHashing) return
    isHashing = true
    try {
      const stronger = hasher.hash(password).finally(() => {
        isHashing = false
      })
      await rehash?.(username, await stronger)
    } catch {
      // Tried again at the next login.
    }
  }
}

const isReadable = (stored: unknown): stored is string =>
  typeof stored === 'string' && parsePhc(stored) !== undefined

/** Only what an identity is made of: a row of a database has more. */
function pick({ subject, scopes, roles, tenant, permissions, claims, expiresAt }: BasicUser): BasicUser {
  return { subject, scopes, roles, tenant, permissions, claims, expiresAt }
}
