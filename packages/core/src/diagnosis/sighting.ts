import { CidrSet } from '../address/cidr-set.js'
import type { ClientAddress } from '../address/client-address.js'
import { forwarded, MOST_ELEMENTS, peerAt, xForwardedFor } from '../address/forwarded.js'
import { formatIp } from '../address/ip.js'
import { addressTraces } from '../address/proxy-traces.js'
import type { Trust } from '../address/trust.js'

/** The part of a request's context that is looked at. */
export interface Observed {
  readonly peer: string | undefined
  readonly url: string
  readonly services: { readonly trust: Trust }
  header(lowerCaseName: string): string | undefined
}

export type Place = 'none' | 'unreadable' | 'loopback' | 'private' | 'public'

/** What one request shows of the topology. */
export interface Sighting {
  /** Canonical, or the text that is no address; `undefined` if the socket has no address. */
  readonly peer: string | undefined
  readonly place: Place
  readonly isProxy: boolean
  readonly client: ClientAddress
  /** The headers of proxies that it has. */
  readonly traces: readonly string[]
  /** Whether it has the header that `trust` reads. */
  readonly hasHeader: boolean
  /** The beginning of that header. */
  readonly value: string
  /** Whether `trust` reads a list of addresses: then `chain` is that list. */
  readonly isChainRead: boolean
  /** The list of addresses that it has: the one that `trust` reads, or else the first there is. */
  readonly chain: Chain | undefined
  /** What tells clients apart that share an address. */
  readonly fingerprint: string
}

export interface Chain {
  readonly header: 'x-forwarded-for' | 'forwarded'
  /** From the right. `undefined` for an element that is no address. */
  readonly addresses: readonly (string | undefined)[]
  /** The first element from the right that is no address. */
  readonly broken: string | undefined
}

const LONGEST_TEXT = 128

/** Looks at requests. It reads headers and changes nothing. */
export class Observer {
  readonly #loopback = new CidrSet(['loopback'])
  /** Also the ranges that clouds and clusters use inside: RFC 6598 and link-local addresses. */
  readonly #inside = new CidrSet(['private', '100.64.0.0/10', '169.254.0.0/16', 'fe80::/10'])

  see(ctx: Observed): Sighting {
    const { trust } = ctx.services
    const ip = ctx.peer === undefined || ctx.peer === '' ? undefined : peerAt(ctx.peer)
    const peer = ip === undefined ? ctx.peer?.slice(0, LONGEST_TEXT) || undefined : formatIp(ip)
    const value = trust.header === undefined ? undefined : ctx.header(trust.header)
    return {
      peer,
      place: peer === undefined ? 'none' : this.placeOf(peer),
      isProxy: trust.isProxy?.(ctx.peer) === true,
      // Not `ctx.client`, which keeps what it was asked first.
      client: trust.resolve(ctx.peer, value),
      traces: addressTraces(ctx),
      hasHeader: value !== undefined && value.trim() !== '',
      value: value?.trim().slice(0, LONGEST_TEXT / 2) ?? '',
      chain: chainOf(ctx),
      isChainRead: trust.header === 'x-forwarded-for' || trust.header === 'forwarded',
      fingerprint: fingerprintOf(ctx),
    }
  }

  placeOf(ip: string): Exclude<Place, 'none'> {
    if (this.#loopback.has(ip)) return 'loopback'
    if (this.#inside.has(ip)) return 'private'
    return peerAt(ip) === undefined ? 'unreadable' : 'public'
  }
}

const PROBES =
  /^(?:kube-probe|Prometheus|ELB-HealthChecker|Amazon-Route53|GoogleHC|GoogleStackdriver|Consul Health|Load Balancer Agent|Edge Health Probe|HealthCheck|Blackbox|Pingdom|UptimeRobot|Uptime-Kuma|Better Uptime|StatusCake|Envoy\/HC|HAProxy|Traefik|Varnish|Wget|docker-healthcheck|Datadog|Zabbix|nginx\/.*health|check_http|DigitalOcean|Render\/|Fly\/|Consul)/i
const PROBE_PATHS =
  /^\/(?:.*\/)?(?:_?health(?:z|check|-check|_check)?|livez?|liveness|readyz?|readiness|startup|ping|metrics(?:\.json)?|statusz?)(?:[/?]|$)/i

/** Whether the request is a health check or a scrape, which says nothing of the clients. */
export function isProbe(ctx: Observed): boolean {
  return PROBE_PATHS.test(ctx.url.slice(0, 256)) || PROBES.test(ctx.header('user-agent') ?? '')
}

function chainOf(ctx: Observed): Chain | undefined {
  const lists = ['x-forwarded-for', 'forwarded']
  const read = ctx.services.trust.header === 'forwarded' ? lists.reverse() : lists
  const header = read.find(name => ctx.header(name) !== undefined) as Chain['header'] | undefined
  if (header === undefined) return undefined
  const value = ctx.header(header) as string
  const list = header === 'forwarded' ? forwarded : xForwardedFor
  const addresses: (string | undefined)[] = []
  let broken: string | undefined
  for (let end = value.length; end >= 0 && addresses.length < MOST_ELEMENTS; ) {
    const start = list.start(value, end)
    if (start < 0) break
    const ip = list.address(value, start, end)
    const text = value.slice(start, end).trim()
    if (ip === undefined) broken ??= text === '' ? undefined : text.slice(0, LONGEST_TEXT / 2)
    if (text !== '') addresses.push(ip === undefined ? undefined : formatIp(ip))
    end = start - 1
  }
  return { header, addresses, broken }
}

const fingerprintOf = (ctx: Observed) =>
  `${ctx.header('user-agent')?.slice(0, LONGEST_TEXT)}|${ctx.header('accept-language')?.slice(0, LONGEST_TEXT)}`
