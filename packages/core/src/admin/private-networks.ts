import { CidrSet } from '../address/cidr-set.js'
import { hasProxyTrace } from '../address/proxy-traces.js'
import type { RequestContext } from '../contract/context.js'
import { checkOptions, list, optional, text } from '../options/check.js'

export interface PrivateNetworksOptions {
  /**
   * More host names, without a port, by which callers inside ask for this server, such as
   * `app.example.com`. IP addresses, `localhost`, names without a dot and names of internal domains
   * (`app.svc.cluster.local`) need no entry.
   */
  readonly hosts?: readonly string[]
}

/**
 * A guard that lets in callers on this machine or in a private network (RFC 1918, RFC 4193): the
 * default of endpoints that show the state of a process.
 *
 * A caller may read if it connects from such an address itself. A request that a proxy sent may
 * read only if `trust` knows the proxy, and the client's address is private: behind a proxy that is
 * not named, every client has the proxy's private address. An address that `trust` did not verify
 * to its end opens nothing: a scraper inside the ranges of `trust`, or that skips its hops, needs
 * an `authorize` that knows the scraper. A request was sent by a proxy if it has one of the headers
 * that proxies add, or is of HTTP/1.0, as nginx sends by default. `Host` must not be a public name:
 * a page whose name its owner lets point to a private address would otherwise read too (DNS
 * rebinding).
 *
 * Spoofable by a proxy that is not named, speaks HTTP/1.1 and adds no header: name the proxy.
 *
 * @throws ConfigError
 */
export function privateNetworks(options: PrivateNetworksOptions = {}): (ctx: RequestContext) => boolean {
  const { hosts } = checkOptions('privateNetworks', options, {
    hosts: optional(list(hostName, { max: 1000 }), []),
  })
  const named = new Set(hosts.map(host => host.toLowerCase()))
  const inside = new CidrSet(['loopback', 'private'])
  const isInside = (ip: string | undefined) => ip !== undefined && inside.has(ip)
  return ctx => {
    if (!inside.admits(ctx.client) || !isInternalHost(ctx.host, named)) return false
    if (!wasForwarded(ctx)) return true
    const { peer } = ctx
    // A proxy on the public side of a network does not forward requests of clients within it.
    const isProxyInside = peer === undefined || peer === '' || isInside(peer)
    return isProxyInside && ctx.services.trust.isProxy?.(peer) === true
  }
}

const hostName = text({
  pattern: /^(?!-)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i,
  max: 253,
  allowed: 'a host name without a port, such as "app.example.com"',
})

function wasForwarded(ctx: RequestContext): boolean {
  const { header } = ctx.services.trust
  return (
    (header !== undefined && ctx.header(header) !== undefined) ||
    ctx.httpVersion === '1.0' ||
    ctx.httpVersion === '0.9' ||
    hasProxyTrace(ctx)
  )
}

/**
 * Domains that cannot be registered: RFC 6761, RFC 6762 with its appendix G, RFC 8375, ICANN's
 * `internal`, and the names of Kubernetes services.
 */
const INTERNAL_NAME =
  /^(?:.+\.)?(?:localhost|local|internal|test|home\.arpa|svc|intranet|private|corp|home|lan|localdomain|consul)$/

/** Browsers name the host always. A client that names none is no browser. */
function isInternalHost(host: string | undefined, named: ReadonlySet<string>): boolean {
  if (host === undefined || host === '') return true
  const [, bracketed, name = ''] = /^(?:(\[[^\]]*\])|([^:]*))(?::\d*)?$/.exec(host) ?? []
  if (bracketed !== undefined) return IPV6.test(bracketed)
  const plain = name.toLowerCase().replace(/\.$/, '')
  if (plain === '') return false
  return LABEL.test(plain) || IPV4.test(plain) || INTERNAL_NAME.test(plain) || named.has(plain)
}

const LABEL = /^[a-z0-9_-]+$/
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/
const IPV6 = /^\[[0-9a-f:.]+(?:%[^\]]*)?\]$/i
