import { CidrSet, type ClientAddress } from '@palisade/core/middleware'
import { LRUCache } from 'lru-cache'
import { makeIdentity } from '../identity/make-identity.js'
import type { Authenticated, Refused } from '../strategy.js'
import type { KeyLimit, KeyLimits } from './key-limits.js'
import type { ApiKeyRecord } from './record.js'
import { compileWindows } from './time-window.js'

/** A record made ready for requests. */
export interface CompiledKey {
  readonly version: number
  readonly updatedAt: number
  readonly hash: string
  readonly result: Authenticated
  readonly cidrs: CidrSet | undefined
  readonly isInWindow: ((now: number) => boolean) | undefined
  readonly limit: KeyLimit | undefined
}

/** Compiles each version of a record once. */
export class CompiledKeys {
  readonly #method: string
  readonly #limits: KeyLimits
  readonly #keys = new LRUCache<string, CompiledKey>({ max: 10_000 })

  constructor(method: string, limits: KeyLimits) {
    this.#method = method
    this.#limits = limits
  }

  of(record: ApiKeyRecord): CompiledKey {
    const known = this.#keys.get(record.id)
    if (known !== undefined && isOf(known, record)) return known
    const compiled = compile(record, this.#method, this.#limits)
    this.#keys.set(record.id, compiled)
    return compiled
  }
}

/**
 * More than the version: a record that was restored from a backup has an old one again, and may
 * since have been changed to this one.
 */
const isOf = (known: CompiledKey, { version, updatedAt, hash }: ApiKeyRecord) =>
  known.version === version && known.updatedAt === updatedAt && known.hash === hash

function compile(record: ApiKeyRecord, method: string, limits: KeyLimits): CompiledKey {
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
    limit: limits.of(record),
  }
}

/**
 * Why a key that is right may not be used from here, or now; `undefined` if it may. An address that
 * is unknown or not verified is not allowed.
 */
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
