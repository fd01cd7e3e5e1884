import type { IncomingMessage } from 'node:http'

/**
 * Names that are surely no number to a URL parser and no punycode, with a port that surely is one.
 */
const PLAIN_HOST = /^(?:(?!xn--)[\w-]+\.)*(?!xn--)[a-z][\w-]*(?::[1-5]?\d{1,4})?$/i

/**
 * Whether `@hono/node-server` makes a `Request` of it, so that the app is asked. Otherwise it
 * answers 400 itself: to a target that is no path, to a backslash in one, and to a `Host` that a
 * URL does not have.
 */
export function isRoutable({ url = '', headers: { host = '' } }: IncomingMessage): boolean {
  return url.charCodeAt(0) === 47 && !url.includes('\\') && (PLAIN_HOST.test(host) || isHost(host))
}

/** An address, in what is left by the name. */
function isHost(host: string): boolean {
  try {
    return new URL(`http://${host}`).host === host
  } catch {
    return false
  }
}
