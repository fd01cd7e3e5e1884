/** An origin that cannot exist (RFC 6761 section 6.4). */
const NOWHERE = 'http://return-to.invalid'
const LONGEST = 2048

/**
 * Where to go after the login: a path of the same origin with its query, or `/` for anything else,
 * so that a link to the login page cannot lead to another site (an open redirect).
 *
 * Decided by parsing as a browser does (WHATWG URL), since it drops tabs and line ends and takes a
 * backslash for a slash: what is returned is what was parsed, never the text itself.
 */
export function safeReturnTo(value: unknown): string {
  if (typeof value !== 'string' || value.length > LONGEST || !value.startsWith('/')) return '/'
  let url: URL
  try {
    url = new URL(value, NOWHERE)
  } catch {
    return '/'
  }
  const path = `${url.pathname}${url.search}${url.hash}`
  // A path that dot segments left with two slashes in front would name a host when it is used
  // alone.
  return url.origin !== NOWHERE || url.username !== '' || path.startsWith('//') ? '/' : path
}
