import { CidrSet, type ClientAddress, type Limiter } from '@palisade/core'
import { LRUCache } from 'lru-cache'
import { makeIdentity } from '../identity/make-identity.js'
import type { Authenticated, Refused } from '../strategy.js'
import type { ApiKeyRecord, Rate } from './record.js'
import { compileWindows } from './time-window.js'

/** Makes a limiter for a rate; `createLimiter` of `@palisade/ratelimit` does. Keys count by their id. */
export type MakeLimiter = (rate: { readonly limit: number; readonly window: number }) => Limiter

/** A record made ready for requests. */
export interface CompiledKey {
  readonly version: number
  readonly updatedAt: number
  readonly hash: string
  readonly result: Authenticated
  readonly cidrs: CidrSet | undefined
  readonly isInWindow: ((now: number) => boolean) | undefined
}

/** Compiles each version of a record once. */
export class CompiledKeys {
  readonly #method: string
  readonly #keys = new LRUCache<string, CompiledKey>({ max: 10_000 })

  constructor(method: string) {
    this.#method = method
  }

  of(record: ApiKeyRecord): CompiledKey {
    const known = this.#keys.get(record.id)
    if (known !== undefined && isOf(known, record)) return known
    const compiled = compile(record, this.#method)
    this.#keys.set(record.id, compiled)
    return compiled
  }
}

/** More than the version: a record that was restored from a backup has an old one again, and may since have been changed to this one. */
const isOf = (known: CompiledKey, { version, updatedAt, hash }: ApiKeyRecord) =>
  known.version === version && known.updatedAt === updatedAt && known.hash === hash

function compile(record: ApiKeyRecord, method: string): CompiledKey {
  const {
    id,
    version,
    updatedAt,
    hash,
    name,
    owner,
    tenant,
    scopes,
    roles,
    permissions,
    expiresAt,
    allowedCidrs,
    windows,
  } = record
  const identity = makeIdentity({
    subject: owner,
    method,
    scopes,
    roles,
    tenant,
    permissions,
    claims: { keyId: id, name },
    expiresAt,
  })
  return {
    version,
    updatedAt,
    hash,
    result: Object.freeze({ outcome: 'authenticated', identity }),
    cidrs: allowedCidrs && new CidrSet(allowedCidrs, { owner: 'apiKeys', option: 'allowedCidrs' }),
    isInWindow: windows && compileWindows(windows),
  }
}

/** Why a key that is right may not be used from here, or now; `undefined` if it may. An address that is unknown or not verified is not allowed. */
export function restrictionOf(
  key: CompiledKey,
  owner: string,
  client: ClientAddress,
  now: number,
): Refused | undefined {
  if (key.cidrs !== undefined && !key.cidrs.admits(client)) {
    const reason = client.bannable ? 'address not allowed' : 'address not verified'
    return refused(owner, 'This key may not be used from this address', reason, true)
  }
  if (key.isInWindow !== undefined && !key.isInWindow(now))
    return refused(owner, 'This key may not be used at this time', 'outside its hours', false)
  return undefined
}

const refused = (subject: string, message: string, reason: string, isViolation: boolean): Refused => ({
  outcome: 'refused',
  status: 403,
  message,
  reason,
  subject,
  isViolation,
})

/** When the period of a rate that is running now ends. */
export function periodEnd({ window }: Rate, now: number): number {
  return (Math.floor(now / window) + 1) * window
}
