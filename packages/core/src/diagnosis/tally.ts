import type { Chain, Place, Sighting } from './sighting.js'

interface Peer {
  readonly place: Place
  readonly isProxy: boolean
  requests: number
  traced: number
}

/**
 * What the first requests of a pipeline add up to. Its size is bounded by the number of requests
 * that are looked at.
 */
export class Tally {
  requests = 0
  forwarded = 0
  /** Requests without an address of the socket, or with text that is no address. */
  withoutPeer = 0
  unreadablePeer: string | undefined = undefined
  /** Requests from a proxy that `trust` names, with and without the header that it reads. */
  matched = 0
  withHeader = 0
  /** Requests of these whose client is not verified, because an element is no address. */
  malformed = 0
  malformedElement = ''
  /** Requests of these that end before the hops are counted. */
  short = 0
  /** Requests of these where another address stands in front of the client's. */
  overtaken = 0
  overtakenInside = 0
  overtakenElements = Number.POSITIVE_INFINITY
  /** The fewest elements of a list of addresses. */
  elements = Number.POSITIVE_INFINITY
  readonly peers = new Map<string, Peer>()
  readonly headers = new Map<string, number>()
  readonly fingerprints = new Set<string>()
  readonly resolved = new Set<string>()
  readonly beyond = new Set<string>()
  private readonly placeOf: (ip: string) => Place

  constructor(placeOf: (ip: string) => Place) {
    this.placeOf = placeOf
  }

  add(sighting: Sighting): void {
    const { traces, chain, place, peer } = sighting
    this.requests++
    if (traces.length > 0) this.forwarded++
    for (const name of traces) this.headers.set(name, (this.headers.get(name) ?? 0) + 1)
    if (chain !== undefined) this.elements = Math.min(this.elements, chain.addresses.length)
    this.fingerprints.add(sighting.fingerprint)
    if (place === 'none' || place === 'unreadable') this.withoutPeer++
    if (place === 'unreadable') this.unreadablePeer = peer
    if (peer !== undefined) this.addPeer(peer, sighting)
    if (sighting.isProxy) this.addMatched(sighting)
  }

  private addPeer(text: string, { place, isProxy, traces }: Sighting): void {
    const peer = this.peers.get(text) ?? { place, isProxy, requests: 0, traced: 0 }
    this.peers.set(text, peer)
    peer.requests++
    if (traces.length > 0) peer.traced++
  }

  private addMatched(sighting: Sighting): void {
    const { hasHeader, client, chain, isChainRead } = sighting
    this.matched++
    if (!hasHeader) return
    this.withHeader++
    if (!isChainRead) this.addSingle(sighting)
    else if (chain === undefined) this.addUnread(sighting)
    else if (client.bannable) this.addResolved(client.ip, chain)
    else if (chain.broken !== undefined) this.addMalformed(chain.broken)
    else this.short++
  }

  /**
   * A header of one address, which may be that of an inner proxy: a list beside it shows the
   * client.
   */
  private addSingle(sighting: Sighting): void {
    const { client, chain } = sighting
    if (!client.bannable) this.addUnread(sighting)
    else if (chain !== undefined) this.addResolved(client.ip, chain)
  }

  private addUnread({ client, value, peer }: Sighting): void {
    if (!client.bannable && client.ip === peer) this.addMalformed(value)
  }

  private addMalformed(element: string): void {
    this.malformed++
    this.malformedElement ||= element
  }

  /**
   * Notes whether an address stands left of the client's, as behind a proxy that `trust` takes for
   * the client.
   */
  private addResolved(ip: string | undefined, { addresses }: Chain): void {
    if (ip === undefined) return
    this.resolved.add(ip)
    // With a single header the list may lack the client: then all of it stands in front.
    const next = addresses[addresses.indexOf(ip) + 1]
    if (next === undefined) return
    this.overtaken++
    this.overtakenElements = Math.min(this.overtakenElements, addresses.length)
    this.beyond.add(next)
    if (this.placeOf(ip) !== 'public' && this.placeOf(next) === 'public') this.overtakenInside++
  }
}
