import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { type Check, text } from '@palisade/core/middleware'
import { base62, bytesToBase62 } from './base62.js'

/** Base 62 digits of 32 bytes. */
const SECRET = 43
const CHECKSUM = 6
const TIME = 7
const ID = 16
const FORM = /^([a-z][a-z0-9]{0,19})_([0-9A-Za-z]{16})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/
const LONGEST = 20 + 1 + ID + 1 + SECRET + CHECKSUM

/** What a key says: `<prefix>_<id>_<secret><checksum>`. */
export interface KeyText {
  readonly id: string
  readonly secret: string
}

export const keyPrefix: Check<string> = text({
  pattern: /^[a-z][a-z0-9]{0,19}$/,
  allowed: 'a lower-case word of at most 20 letters and digits, such as "shop"',
})

/**
 * An id that sorts by the time of its making: 7 digits of time and 9 random ones (53 bits). It is
 * no secret.
 */
export function newKeyId(now: number): string {
  return base62(BigInt(now), TIME) + bytesToBase62(randomBytes(16), ID - TIME)
}

/** 256 bits. */
export const newSecret = () => bytesToBase62(randomBytes(32), SECRET)

export function formatKey(prefix: string, { id, secret }: KeyText): string {
  const body = `${prefix}_${id}_${secret}`
  return body + checksum(body)
}

/**
 * Reads a key; `undefined` for what cannot be one. The checksum keeps typing errors and made-up
 * keys away from the store, and lets a scanner for leaked secrets tell a key from other text; it
 * proves nothing.
 */
export function parseKey(prefix: string, value: string): KeyText | undefined {
  if (value.length > LONGEST) return undefined
  const [, named, id, secret, sum] = FORM.exec(value) ?? []
  if (named !== prefix || id === undefined || secret === undefined) return undefined
  return sum === checksum(value.slice(0, -CHECKSUM)) ? { id, secret } : undefined
}

export const isKeyId = (id: string) => id.length === ID && /^[0-9A-Za-z]+$/.test(id)

const checksum = (body: string) => base62(BigInt(crc32(body)), CHECKSUM)
