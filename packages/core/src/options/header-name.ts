import { type Check, refuse, text } from './check.js'

/**
 * RFC 9110 section 5.1: a field name is a token. Returned in lower case. Names that every object
 * inherits are rejected: hosts keep fields in objects, where `__proto__` and `constructor` are
 * found on every request, even if the client did not send them.
 */
export const headerName: Check<string> = (value, at) => {
  const allowed = 'an HTTP field name, at most 128 characters'
  const name = text({ pattern: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/, allowed })(value, at).toLowerCase()
  return Object.hasOwn(Object.prototype, name) ? refuse(at, value, allowed) : name
}

/**
 * A field name for something of ones own, such as an id or an address: none by which HTTP frames a
 * message, keeps a state or a cache, or by which a browser is told what a page may do. An id in
 * `Content-Length` breaks the connection, one in `Set-Cookie` sets a cookie. Returned in lower
 * case.
 */
export const ownHeaderName: Check<string> = (value, at) => {
  const name = headerName(value, at)
  return TAKEN.has(name) || TAKEN_FAMILY.test(name)
    ? refuse(at, value, 'an HTTP field name that has no other meaning, such as "X-Request-ID"')
    : name
}

/** RFC 9110, 9111, 9112, 6265, 7239, and the fields by which browsers protect a page. */
const TAKEN: ReadonlySet<string> = new Set(
  [
    'connection keep-alive proxy-connection te trailer transfer-encoding upgrade http2-settings',
    'accept allow expect from host link location max-forwards range refresh retry-after server user-agent via warning',
    'age cache-control clear-site-data date etag expires last-modified pragma vary',
    'authentication-info authorization cookie origin proxy-authenticate proxy-authentication-info proxy-authorization',
    'referer set-cookie set-cookie2 www-authenticate',
    'forwarded x-forwarded-host x-forwarded-port x-forwarded-proto',
    'origin-agent-cluster permissions-policy referrer-policy strict-transport-security x-content-type-options',
    'x-dns-prefetch-control x-download-options x-frame-options x-permitted-cross-domain-policies x-xss-protection',
  ].flatMap(names => names.split(' ')),
)
const TAKEN_FAMILY = /^(?:accept|access-control|content|cross-origin|if|sec)-/
