import { CidrSet } from '../address/cidr-set.js'
import type { RequestContext } from '../context.js'

/** Written by proxies. A request that carries one came through somebody. */
const FORWARDING = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']

/**
 * A guard that lets in callers on this machine or in a private network (RFC 1918, RFC 4193): the default of what tells a process' inner life.
 *
 * A scraper that connects from such an address itself may read. A forwarded request may read only through a proxy that `trust` knows.
 * An address that `trust` did not verify to its end opens nothing, also without a forwarding header: it may be the proxy of a
 * stranger. A scraper inside the ranges of `trust`, or that skips its hops, needs an `authorize` that knows the scraper. Spoofable
 * by a proxy that is not named and leaves no trace in the headers: name it.
 */
export function privateNetworks(): (ctx: RequestContext) => boolean {
  const inside = new CidrSet(['loopback', 'private'])
  const isInside = (ip: string | undefined) => ip !== undefined && inside.has(ip)
  return ctx => {
    if (!inside.admits(ctx.client)) return false
    if (!wasForwarded(ctx)) return true
    const { peer } = ctx
    // No proxy on the public side of a network speaks for somebody within it.
    const isProxyInside = peer === undefined || peer === '' || isInside(peer)
    return isProxyInside && ctx.services.trust.isProxy?.(peer) === true
  }
}

function wasForwarded(ctx: RequestContext): boolean {
  const { header } = ctx.services.trust
  return (
    (header !== undefined && ctx.header(header) !== undefined) ||
    FORWARDING.some(name => ctx.header(name) !== undefined)
  )
}
