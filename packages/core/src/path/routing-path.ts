const SLASH = 47
const DOT = 46
const PERCENT = 37
const BACKSLASH = 92

/**
 * The decoded path that a rule may decide by, or `undefined` when hosts and proxies disagree about
 * what it names: then a middleware that decides by path must refuse the request with 400, or else a
 * rule sees one path and the router serves another.
 *
 * Refused: what does not begin with a slash; empty segments (`//`); `.` and `..` segments;
 * backslashes; control characters; encoded slashes and backslashes (`%2f`, `%5c`); what decodes to
 * another escape (`%2561`); encoded letters, digits and `-._~`, which Fastify and Hono decode
 * before they route and Express and Koa do not (RFC 3986 section 6.2.2.2); broken escapes, and
 * escapes that are not UTF-8. One slash at the end stays.
 *
 * What `decodeURI` leaves stays escaped: `/%40me` is not `/@me`. No router decodes reserved
 * characters before it routes, since an escaped one is data where a bare one may be syntax (RFC
 * 3986 section 2.2).
 *
 * @param path percent-encoded as received, without the query: `ctx.path`
 */
export function routingPath(path: string): string | undefined {
  if (path.charCodeAt(0) !== SLASH) return undefined
  let isEncoded = false
  let segment = 1
  for (let i = 1; i <= path.length; i++) {
    const c = i < path.length ? path.charCodeAt(i) : SLASH
    if (c === SLASH) {
      // Nothing between two slashes, or only dots. Nothing behind the last one is a slash at the
      // end.
      if (i === segment ? i < path.length : isDots(path, segment, i)) return undefined
      segment = i + 1
    } else if (c === PERCENT) isEncoded = true
    else if (c < 0x20 || c === 0x7f || c === BACKSLASH) return undefined
  }
  return isEncoded ? decoded(path) : path
}

/**
 * A path as routers compare it when case does not matter. Express and Koa compare by a regular
 * expression with the flag `i`, which folds to upper case (ECMA-262, Canonicalize); Fastify
 * compares by `toLowerCase()`. Two paths that either may take for the same have the same folded
 * form, so it is folded both ways.
 */
export function foldCase(path: string): string {
  if (ASCII.test(path)) return path.toUpperCase()
  const lower = path.toLowerCase()
  return Array.from({ length: lower.length }, (_, i) => foldUnit(lower.charAt(i))).join('')
}

const ASCII = /^[\x00-\x7f]*$/
/** Control characters, slash, backslash, an escaped escape, and what never needs an escape. */
const AMBIGUOUS = /%(?:[01][\da-f]|2[def]|25[\da-f]{2}|3\d|4[1-9a-f]|5[\dacf]|6[1-9a-f]|7[\daef])/i

function decoded(path: string): string | undefined {
  if (AMBIGUOUS.test(path)) return undefined
  try {
    return decodeURI(path)
  } catch {
    return undefined
  }
}

function isDots(path: string, start: number, end: number): boolean {
  if (path.charCodeAt(start) !== DOT) return false
  return end === start + 1 || (end === start + 2 && path.charCodeAt(start + 1) === DOT)
}

/**
 * One UTF-16 unit: whatever becomes several, or becomes ASCII without being it (the long s), stays.
 */
function foldUnit(unit: string): string {
  const upper = unit.toUpperCase()
  return upper.length === 1 && (upper.charCodeAt(0) > 0x7f || unit.charCodeAt(0) <= 0x7f) ? upper : unit
}
