import type { TimeWindow } from './time-window.js'

/**
 * An API key as it is stored. Plain data, so that it survives any store. The secret is not in it.
 */
export interface ApiKeyRecord {
  readonly id: string
  /** Grows by one with each change. */
  readonly version: number
  /** `hmac-sha256:` or `sha256:` and the digest in base64url. */
  readonly hash: string
  /** The secret before the last rotation, and until when it is good (milliseconds since 1970). */
  readonly previous?: { readonly hash: string; readonly until: number }
  readonly name: string
  /** What it is for. */
  readonly description?: string
  /** Becomes `identity.subject`. */
  readonly owner: string
  readonly tenant?: string
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  readonly permissions: readonly string[]
  /** Where it may be used from; anywhere when absent. */
  readonly allowedCidrs?: readonly string[]
  /** When it may be used; always when absent. */
  readonly windows?: readonly TimeWindow[]
  /** Milliseconds since 1970, as all times here. */
  readonly notBefore?: number
  readonly expiresAt?: number
  /** So many uses in each period; periods begin at multiples of their length since 1970 (UTC). */
  readonly quota?: Rate
  /** Kept by the limiter that `apiKeys({ limiter })` makes. Absent: the default; `false`: none. */
  readonly rateLimit?: Rate | false
  readonly createdAt: number
  readonly updatedAt: number
  readonly disabled?: boolean
  readonly revokedAt?: number
}

export interface Rate {
  readonly limit: number
  /** Milliseconds. */
  readonly window: number
}

/** What may be shown of a key: everything but what its secret is compared with. */
export interface ApiKeyInfo extends Omit<ApiKeyRecord, 'hash' | 'previous' | 'version'> {
  /** Until when the secret before the last rotation is good. */
  readonly previousUntil?: number
  /** Written at most once a minute. */
  readonly lastUsedAt?: number
}

/** A copy however deep: who looks at a key cannot change it. */
export function infoOf(record: ApiKeyRecord, lastUsedAt: number | undefined): ApiKeyInfo {
  const { hash: _, previous, version: __, ...shown } = record
  return {
    ...structuredClone(shown),
    ...(previous !== undefined && { previousUntil: previous.until }),
    ...(lastUsedAt !== undefined && { lastUsedAt }),
  }
}
