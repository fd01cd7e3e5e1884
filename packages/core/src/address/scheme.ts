import { endOfElement, forwarded } from './forwarded.js'
import type { Trust } from './trust.js'

/**
 * Whether the nearest proxy says that the request came to it encrypted. To be asked only about a
 * header that a trusted peer has written or passed on. Of several elements only the last is read:
 * it is the peer's own, whatever the client wrote to its left. Anything that is not plainly `https`
 * (or `wss`, as some proxies say of a WebSocket) is not encrypted.
 *
 * @param skipsEmpty whether empty elements at the end are skipped, as where trust is by address
 */
export function saysEncrypted(
  header: 'forwarded' | 'x-forwarded-proto',
  value: string,
  skipsEmpty: boolean,
): boolean {
  const end = skipsEmpty ? endOfElement(value, value.length) : value.length
  if (end < 0) return false
  const list = value.slice(0, end)
  return isHttps(header === 'forwarded' ? protoOf(list) : lastOf(list))
}

const isHttps = (scheme: string | undefined) => scheme === 'https' || scheme === 'wss'

function lastOf(value: string): string {
  return value
    .slice(value.lastIndexOf(',') + 1, value.length)
    .trim()
    .toLowerCase()
}

const QUOTED = /"((?:[^"\\]|\\.)*)"/g

/**
 * RFC 7239 section 5.4, of the last element. A quoted value that is no plain word hides nothing
 * behind its semicolons (`host="a;proto=https"`).
 */
function protoOf(value: string): string | undefined {
  const start = forwarded.start(value, value.length)
  if (start < 0) return undefined
  const unquoted = value
    .slice(start)
    .replace(QUOTED, (_, inner: string) => (/^\w+$/.test(inner) ? inner : ''))
  const schemes = unquoted
    .split(';')
    .map(pair => pair.trim().toLowerCase())
    .filter(pair => pair.startsWith('proto='))
  return schemes.length === 1 ? schemes[0]?.slice('proto='.length) : undefined
}

/** The part of a context that is asked. */
interface Asked {
  readonly peer: string | undefined
  readonly services: { readonly trust: Trust }
  header(lowerCaseName: string): string | undefined
}

/**
 * Whether a proxy that the pipeline's `trust` names says that the client's request was encrypted.
 */
export function isSecureByProxy(ctx: Asked): boolean {
  const { trust } = ctx.services
  if (trust.isProxy === undefined) return false
  const header = trust.header === 'forwarded' ? 'forwarded' : 'x-forwarded-proto'
  const value = ctx.header(header)
  return (
    value !== undefined &&
    trust.isProxy(ctx.peer) &&
    saysEncrypted(header, value, trust.proxies !== undefined)
  )
}
