import { endOfElement, forwarded } from '../address/forwarded.js'
import type { RequestContext } from '../contract/context.js'

/**
 * Whether the origin is the one that the request was sent to: its scheme, host and port. Behind a
 * proxy that `trust` names, the host and port may also be what the proxy says that it was asked
 * for.
 */
export function isOwnOrigin(ctx: RequestContext, origin: string): boolean {
  const scheme = ctx.secure ? 'https' : 'http'
  return hostsOf(ctx).some(host => {
    const url = `${scheme}://${host}`
    return HOST.test(host) && URL.canParse(url) && new URL(url).origin === origin
  })
}

/** RFC 3986 section 3.2.2, without user information: a host, with or without a port. */
const HOST = /^(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i

function hostsOf(ctx: RequestContext): readonly string[] {
  const { trust } = ctx.services
  const own = ctx.host === undefined ? [] : [ctx.host]
  if (trust.isProxy?.(ctx.peer) !== true) return own
  const said = trust.header === 'forwarded' ? forwardedHost(ctx) : lastElement(ctx.header('x-forwarded-host'))
  const hosts = said === undefined ? own : [...own, said]
  const port = lastElement(ctx.header('x-forwarded-port'))
  return port === undefined ? hosts : [...hosts, ...hosts.map(host => `${host}:${port}`)]
}

function lastElement(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const list = value.slice(0, Math.max(0, endOfElement(value, value.length)))
  return list.slice(list.lastIndexOf(',') + 1).trim() || undefined
}

function forwardedHost(ctx: RequestContext): string | undefined {
  const value = ctx.header('forwarded')
  if (value === undefined) return undefined
  const end = endOfElement(value, value.length)
  const start = end < 0 ? -1 : forwarded.start(value, end)
  if (start < 0) return undefined
  return /(?:^|;)\s*host="?([^";,\s]+)"?\s*(?:;|$)/i.exec(value.slice(start, end))?.[1]
}
