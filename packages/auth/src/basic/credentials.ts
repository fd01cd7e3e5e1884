import { LONGEST_PASSWORD } from './password-hasher.js'

export interface BasicCredentials {
  readonly username: string
  readonly password: string
}

const NAMES_BASIC = /^basic(?:$|[^\w-])/i
const FORM = /^basic +([A-Za-z0-9+/]+={0,2})$/i
/** RFC 7617 section 2: no control characters in either. C1 too: users do not type them. */
const CONTROL = /[\x00-\x1f\x7f-\x9f]/

export const isBasic = (field: string) => NAMES_BASIC.test(field)

/**
 * The user and the password of an `Authorization` field (RFC 7617), in Unicode normalisation form
 * C; `undefined` for what is malformed.
 *
 * The user ends at the first colon; the password may hold more. Each may be empty. At most 1 KiB,
 * strict base64, strict UTF-8.
 */
export function parseBasic(field: string): BasicCredentials | undefined {
  const encoded = FORM.exec(field)?.[1]
  if (encoded === undefined || encoded.length > (LONGEST_PASSWORD / 3) * 4 + 4) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  // Other texts that decode to the same bytes are no other form of the same password.
  if (bytes.length > LONGEST_PASSWORD || bytes.toString('base64') !== encoded) return undefined
  const text = decode(bytes)
  if (text === undefined || CONTROL.test(text)) return undefined
  const colon = text.indexOf(':')
  if (colon < 0) return undefined
  return { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes).normalize('NFC')
  } catch {
    return undefined
  }
}
