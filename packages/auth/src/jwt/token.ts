import type { JWTPayload } from 'jose'

/** RFC 7519 tokens that are longer are refused unread. */
export const LONGEST_TOKEN = 8192
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]*$/
const LONGEST_KID = 256
/**
 * Header parameters by which the sender would choose the key (RFC 7515 section 4.1). A server that
 * follows them accepts tokens of any sender.
 */
const FOREIGN_KEYS = ['jku', 'jwk', 'x5u'] as const

/**
 * What a token says before anything is verified: only good to choose the issuer's configuration.
 */
export interface UnverifiedToken {
  readonly header: { readonly alg: string; readonly kid: string | undefined; readonly typ: unknown }
  /**
   * Good for more once the signature is verified, which covers the text that they were read from.
   */
  readonly claims: JWTPayload & { readonly iss: string }
}

/** A token that is not worth a signature check. `reason` is for the log. */
export interface BrokenToken {
  readonly reason: string
}

/** Reads a JWS in compact form without trusting it, or says why it could never be accepted. */
export function readToken(token: string): UnverifiedToken | BrokenToken {
  if (token.length > LONGEST_TOKEN) return { reason: 'token too long' }
  if (!isCompact(token)) return { reason: 'no JWS' }
  const dot = token.indexOf('.')
  const header = objectIn(token.slice(0, dot))
  const claims = objectIn(token.slice(dot + 1, token.indexOf('.', dot + 1)))
  if (header === undefined || claims === undefined) return { reason: 'no JSON' }
  const { alg, kid, typ } = header
  if (typeof alg !== 'string' || alg.toLowerCase() === 'none') return { reason: 'no signature' }
  const foreign = FOREIGN_KEYS.find(name => Object.hasOwn(header, name))
  if (foreign !== undefined) return { reason: `header ${foreign}` }
  // `b64: false` and every other extension change what is signed (RFC 7797); none is understood
  // here.
  if (Object.hasOwn(header, 'crit')) return { reason: 'header crit' }
  if (Object.hasOwn(header, 'b64')) return { reason: 'header b64' }
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > LONGEST_KID))
    return { reason: 'header kid' }
  if (typeof claims['iss'] !== 'string') return { reason: 'claim iss' }
  return { header: { alg, kid, typ }, claims: claims as UnverifiedToken['claims'] }
}

/** Whether it could be one at all: two dots. */
export function isCompact(token: string): boolean {
  return SHAPE.test(token)
}

export function isBroken(token: UnverifiedToken | BrokenToken): token is BrokenToken {
  return 'reason' in token
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function objectIn(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(UTF8.decode(Buffer.from(part, 'base64url')))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
