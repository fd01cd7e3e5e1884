import type { Trust } from '../address/trust.js'
import type { Diagnosis, DiagnosisCode } from './diagnosis.js'
import { addressHeadersOf, enlarged, hops, listOf, nameOf, reading, seen } from './remedies.js'
import type { Tally } from './tally.js'

/**
 * Requests that must agree before something is said: a client that writes a header by hand sends
 * fewer.
 */
const FEW = 10
const SOME = 20
/** How many clients share one address before it is taken for a proxy's. */
const MANY_CLIENTS = 5
/** How many public peers must send headers of proxies: one may be a client that forges them. */
const PUBLIC_PEERS = 3
/** A single public peer must also stand for all requests, from as many kinds of clients. */
const KINDS_OF_ONE_PEER = 5

interface Finding {
  readonly fact: string
  readonly remedy: string
}

type Rule = (tally: Tally, trust: Trust) => Finding | undefined

/** In the order in which they are asked: the first that finds something decides. */
const RULES: readonly (readonly [DiagnosisCode, Rule])[] = [
  ['CLIENT_ADDRESS_MISSING', addressMissing],
  ['TRUST_MISSING', trustMissing],
  ['TRUST_NEVER_MATCHES', neverMatches],
  ['TRUST_HEADER_MISSING', headerMissing],
  ['TRUST_HEADER_MALFORMED', headerMalformed],
  ['TRUST_TOO_MANY_HOPS', tooManyHops],
  ['TRUST_TOO_FEW_HOPS', tooFewHops],
  ['PROXY_WITHOUT_HEADERS', silentProxy],
]

/** What the requests show to be wrong with `trust`; `undefined` as long as they show nothing. */
export function diagnose(tally: Tally, trust: Trust): Diagnosis | undefined {
  for (const [code, rule] of RULES) {
    const finding = rule(tally, trust)
    if (finding === undefined) continue
    const { requests, forwarded, peers, elements } = tally
    return Object.freeze({
      code,
      message: `${finding.fact} ${finding.remedy}`,
      remedy: finding.remedy,
      counts: Object.freeze({
        requests,
        forwarded,
        peers: peers.size,
        elements: Number.isFinite(elements) ? elements : 0,
      }),
    })
  }
  return undefined
}

function addressMissing(tally: Tally, trust: Trust): Finding | undefined {
  if (tally.withoutPeer < FEW || tally.withoutPeer < tally.requests || tally.matched > 0) return undefined
  const { unreadablePeer } = tally
  if (unreadablePeer !== undefined)
    return {
      fact: `The address of the socket is given as ${JSON.stringify(unreadablePeer)}, which is no IP address: no request has a client address, and no client is limited or banned.`,
      remedy: 'Let the option `peer` return the IP address alone, without a port.',
    }
  const read =
    trust.header === undefined
      ? reading(tally, trust, addressHeadersOf(tally)[0]?.[0] ?? 'x-forwarded-for')
      : 'the same trust with `unixSocket: true`'
  return {
    fact: 'No request has a client address: no client is limited or banned.',
    remedy: `With toHono() or toFetch() away from Node give the option \`peer\`; behind a proxy on a Unix socket set ${read}.`,
  }
}

function trustMissing(tally: Tally, trust: Trust): Finding | undefined {
  const found = trust.header === undefined ? unreadHeaders(tally) : undefined
  if (found === undefined) return undefined
  const [header] = addressHeadersOf(tally)[0] ?? []
  return {
    fact: `${found.fact}, and no trust reads them: all clients behind one address are one client.`,
    remedy:
      header === undefined
        ? 'Let the proxy add X-Forwarded-For, then set `trust: trustedHops(1)`.'
        : `Set ${reading(tally, trust, header, found.peers)}.`,
  }
}

function neverMatches(tally: Tally, trust: Trust): Finding | undefined {
  const { header } = trust
  if (header === undefined || trust.isProxy === undefined || tally.matched > 0) return undefined
  const found = unreadHeaders(tally)
  if (found === undefined) return undefined
  const names = addressHeadersOf(tally).map(([name]) => name)
  const [other] = names
  const remedy = () => {
    if (names.includes(header)) return `Add ${enlarged(found.peers)}.`
    if (other !== undefined) return `Set ${reading(tally, trust, other, found.peers)}.`
    return `Let the proxy write ${nameOf(header)}, and add ${enlarged(found.peers)}.`
  }
  return {
    fact: `${found.fact}, and no request comes from a proxy that \`trust\` names: all clients behind one address are one client.`,
    remedy: remedy(),
  }
}

interface Unread {
  readonly fact: string
  /** Where the headers come from. */
  readonly peers: readonly string[]
}

/** Headers of proxies arrive, from peers that `trust` takes for clients. */
function unreadHeaders(tally: Tally): Unread | undefined {
  const peers = [...tally.peers].filter(([, peer]) => !peer.isProxy)
  const tracing = peers.filter(([, peer]) => peer.traced > 0)
  const inside = tracing.filter(([, peer]) => peer.place !== 'public')
  const from = inside.length > 0 ? inside : tracing
  if (inside.length === 0 && tracing.length < PUBLIC_PEERS && !isRemoteProxy(tally)) return undefined
  const traced = from.reduce((sum, [, peer]) => sum + peer.traced, 0)
  const direct = peers.reduce((sum, [, peer]) => sum + (peer.traced === 0 ? peer.requests : 0), 0)
  if (traced < FEW || traced < 4 * direct) return undefined
  // A proxy adds its headers to every request. A client that forges them shares its peer with
  // others that do not.
  const untraced = from.reduce((sum, [, peer]) => sum + peer.requests - peer.traced, 0)
  if (untraced > traced) return undefined
  const ips = from.map(([ip]) => ip)
  const where =
    ips.length === 1
      ? `All forwarded requests come from ${ips[0]}`
      : `Forwarded requests come from ${ips.length} addresses (${seen(ips)})`
  return { fact: `${where} with ${headersOf(tally)}`, peers: ips }
}

/**
 * A proxy with a public address. All requests come from it, and they differ as those of many
 * clients do.
 */
function isRemoteProxy({ peers, requests, forwarded, fingerprints }: Tally): boolean {
  return (
    peers.size === 1 && requests >= SOME && forwarded === requests && fingerprints.size >= KINDS_OF_ONE_PEER
  )
}

function headerMissing(tally: Tally, trust: Trust): Finding | undefined {
  const { header } = trust
  if (header === undefined || tally.withHeader > 0 || tally.matched < FEW) return undefined
  if (tally.matched < 0.8 * tally.requests) return undefined
  const peers = [...tally.peers].filter(([, { isProxy }]) => isProxy).map(([ip]) => ip)
  const from = peers.length === 0 ? '' : ` (${seen(peers)})`
  const fact = `${tally.matched} requests come from where \`trust\` expects a proxy${from}, none has the header ${nameOf(header)} that \`trust\` reads`
  const other = addressHeadersOf(tally).find(([, count]) => count >= 0.8 * tally.matched)
  if (other !== undefined)
    return {
      fact: `${fact}, and they have ${nameOf(other[0])}: all clients behind one proxy are one client.`,
      remedy: `Read that header, ${reading(tally, trust, other[0], trust.proxies === undefined ? peers : [])}, or let the proxy write ${nameOf(header)}.`,
    }
  const isRemote = [...tally.peers.values()].some(({ place }) => place !== 'loopback')
  const isCertain = isRemote || tally.forwarded >= FEW || tally.peers.size === 0
  if (tally.matched < SOME || !isCertain) return undefined
  return {
    fact: `${fact}: all clients behind one proxy are one client.`,
    remedy: `Let the proxy write ${nameOf(header)}; without a proxy set \`trust: directPeer()\`.`,
  }
}

function headerMalformed(tally: Tally, trust: Trust): Finding | undefined {
  if (tally.withHeader < FEW || tally.malformed < 0.9 * tally.withHeader) return undefined
  return {
    fact: `The header ${nameOf(trust.header ?? '')} ends in ${JSON.stringify(tally.malformedElement)}, from which no client address can be read: all clients behind one proxy are one client.`,
    remedy: `Let the proxy write the IP address of its client into ${nameOf(trust.header ?? '')}.`,
  }
}

function tooManyHops(tally: Tally, trust: Trust): Finding | undefined {
  if (trust.proxies !== undefined || tally.withHeader < FEW || tally.short < 0.8 * tally.withHeader)
    return undefined
  return {
    fact: `${nameOf(trust.header ?? '')} has ${elements(tally.elements)}, fewer than the proxies that \`trust\` counts: no client address is verified, so no client is banned.`,
    remedy: `Set ${hops(tally, tally.elements, trust.header)}.`,
  }
}

function tooFewHops(tally: Tally, trust: Trust): Finding | undefined {
  const { withHeader, overtaken, overtakenInside, resolved, beyond } = tally
  if (withHeader < FEW || overtaken < 0.9 * withHeader) return undefined
  // With one public address in front a client may have forged the rest: to believe it would let
  // clients choose.
  const isShared = resolved.size >= 2 && beyond.size >= MANY_CLIENTS && beyond.size >= 4 * resolved.size
  if (overtakenInside < 0.9 * withHeader && !isShared) return undefined
  const inner = [...resolved]
  if (trust.header !== 'x-forwarded-for' && trust.header !== 'forwarded')
    return innerAddress(tally, trust, inner)
  return {
    fact: `${nameOf(trust.header)} names another address in front of ${seen(inner)}, which \`trust\` takes for the client: all clients behind that proxy are one client.`,
    remedy:
      trust.proxies === undefined
        ? `Set ${hops(tally, tally.overtakenElements, trust.header)}.`
        : `Add ${enlarged(inner)}.`,
  }
}

/** `X-Real-IP: $remote_addr` of a proxy behind another one. */
function innerAddress(tally: Tally, trust: Trust, inner: readonly string[]): Finding {
  const header = nameOf(trust.header ?? '')
  const list = tally.headers.has('x-forwarded-for') ? 'x-forwarded-for' : 'forwarded'
  return {
    fact: `${header} holds ${seen(inner)}, and ${nameOf(list)} names another address in front of it: all clients behind that proxy are one client.`,
    remedy: `Let the proxy write the address of its client into ${header}, or set ${reading(tally, trust, list, inner)}.`,
  }
}

/**
 * A proxy that adds nothing shows itself by its clients, which are many and have one private
 * address.
 */
function silentProxy(tally: Tally, trust: Trust): Finding | undefined {
  if (tally.forwarded > 0 || tally.requests < SOME || tally.fingerprints.size < MANY_CLIENTS) return undefined
  const [[ip, peer] = ['', undefined], ...others] = tally.peers
  if (others.length > 0 || peer === undefined || peer.place === 'public') return undefined
  const header = nameOf(trust.header ?? 'x-forwarded-for')
  const remedy = () => {
    if (trust.header === undefined) return `Let the proxy add ${header}, then set \`trust: trustedHops(1)\`.`
    if (peer.isProxy || trust.proxies === undefined) return `Let the proxy add ${header}.`
    return `Let the proxy add ${header}, and add ${enlarged([ip])}.`
  }
  return {
    fact: `All requests come from ${ip}, from ${tally.fingerprints.size} kinds of clients and without a header of a proxy: all clients are one client.`,
    remedy: remedy(),
  }
}

function headersOf(tally: Tally): string {
  const list = listOf(tally)
  if (list !== undefined) return `${nameOf(list)} of ${elements(tally.elements)}`
  return nameOf(addressHeadersOf(tally)[0]?.[0] ?? [...tally.headers.keys()][0] ?? '')
}

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five']

const elements = (count: number) => `${NUMBERS[count] ?? count} ${count === 1 ? 'element' : 'elements'}`
