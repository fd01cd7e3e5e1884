import { createHash } from 'node:crypto'

const LONGEST_KEY = 128
const TILDE = 126

/**
 * A key of bounded length: a long one is replaced by its digest, and no short one reads like a
 * digest.
 */
export function boundedKey(key: string): string {
  return key.length > LONGEST_KEY || key.charCodeAt(0) === TILDE ? `~${digest(key)}` : key
}

/** The SHA-256 of a key, for a store that is to hold no secret and no long text. */
export function digest(key: string): string {
  return createHash('sha256').update(key).digest('base64url')
}
