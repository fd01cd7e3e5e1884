import {
  type AddressRange,
  type CidrSet,
  type Clock,
  cidrs,
  type Services,
  type Trust,
} from '@palisade/core/middleware'
import { OwnAddresses } from './own-addresses.js'

export type RangeList = readonly AddressRange[] | CidrSet

/** Who is never banned, and who always is. Allow beats deny beats bans. */
export class AccessLists {
  allow: CidrSet
  deny: CidrSet
  readonly #own: OwnAddresses | undefined
  readonly #trusts = new Map<Services, Trust>()

  constructor(allow: CidrSet, deny: CidrSet, allowOwn: boolean) {
    this.allow = allow
    this.deny = deny
    this.#own = allowOwn ? new OwnAddresses() : undefined
  }

  /** The proxies of this pipeline are never clients. */
  learn(services: Services): void {
    this.#trusts.set(services, services.trust)
  }

  /** To other pipelines they may be anybody. */
  leave(services: Services): void {
    this.#trusts.delete(services)
  }

  setAllow(ranges: RangeList): void {
    this.allow = cidrs(ranges, { owner: 'failban.setAllow', option: 'ranges' })
  }

  setDeny(ranges: RangeList): void {
    this.deny = cidrs(ranges, { owner: 'failban.setDeny', option: 'ranges' })
  }

  /** Whether this one address is never refused. */
  allows(ip: string, clock: Clock): boolean {
    return this.allow.has(ip) || this.isOurs(ip, clock)
  }

  /** Whether it is a trusted proxy's or this machine's. */
  isOurs(ip: string, clock: Clock): boolean {
    return this.#allowsByItself(set => set.has(ip), clock)
  }

  /** Whether the whole network is never refused, so that a ban of it would do nothing. */
  covers(id: string, clock: Clock): boolean {
    return this.allow.covers(id) || this.#allowsByItself(set => set.covers(id), clock)
  }

  /** Whether the network has a trusted proxy or this machine in it. */
  touchesOurs(id: string, clock: Clock): boolean {
    return this.#allowsByItself(set => set.overlaps(id), clock)
  }

  #allowsByItself(ask: (set: CidrSet) => boolean, clock: Clock): boolean {
    for (const { proxies } of this.#trusts.values()) if (proxies !== undefined && ask(proxies)) return true
    return this.#own !== undefined && ask(this.#own.at(clock))
  }
}
