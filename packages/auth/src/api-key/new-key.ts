import type { Duration } from '@palisade/core/middleware'
import type { ApiKeyInfo } from './record.js'
import type { TimeWindow } from './time-window.js'

export type RateOption = { limit: number; window: Duration }
/** Milliseconds since 1970, or ISO 8601 with an offset. */
type DateOption = number | string

/** A new key. Times are milliseconds since 1970 or ISO 8601 with an offset. */
export interface NewApiKey {
  name: string
  /** What it is for, in one line of at most 500 characters. For people; nothing decides by it. */
  description?: string
  /** Becomes `identity.subject`. */
  owner: string
  tenant?: string
  scopes?: readonly string[]
  roles?: readonly string[]
  /** `resource:action`. */
  permissions?: readonly string[]
  allowedCidrs?: readonly string[]
  windows?: readonly (Omit<TimeWindow, 'zone'> & { zone?: string })[]
  notBefore?: DateOption
  expiresAt?: DateOption
  quota?: RateOption
  /** Instead of the `defaultRateLimit`; `false` for no limit. */
  rateLimit?: RateOption | false
}

/** What changes; `null` takes a restriction away. */
export type ApiKeyChanges = {
  [K in Exclude<keyof NewApiKey, 'owner'>]?: K extends 'name' | 'scopes' | 'roles' | 'permissions'
    ? NewApiKey[K]
    : NewApiKey[K] | null
} & { disabled?: boolean }

/** A key whose secret is shown this once. */
export interface IssuedApiKey {
  readonly key: string
  readonly record: ApiKeyInfo
}
