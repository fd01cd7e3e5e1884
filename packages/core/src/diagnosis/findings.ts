import type { Trust } from '../address/client-address.js'
import { ADDRESS_HEADERS } from '../address/proxy-traces.js'
import type { Diagnosis, DiagnosisCode } from './diagnosis.js'
import type { Tally } from './tally.js'

/** Requests that must agree before something is said: a client that writes a header by hand sends fewer. */
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
  ['TRUST_MISSING', (tally, trust) => (trust.header === undefined ? unreadHeaders(tally) : undefined)],
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
      ? readingOf(tally, ', { unixSocket: true }')
      : 'the same trust with `unixSocket: true`'
  return {
    fact: 'No request has a client address: no client is limited or banned.',
    remedy: `With toHono() or toFetch() away from Node give the option \`peer\`; behind a proxy on a Unix socket set ${read}.`,
  }
}

/** Headers of proxies arrive, from peers that `trust` takes for clients. */
function unreadHeaders(tally: Tally): Finding | undefined {
  const peers = [...tally.peers].filter(([, peer]) => !peer.isProxy)
  const tracing = peers.filter(([, peer]) => peer.traced > 0)
  const inside = tracing.filter(([, peer]) => peer.place !== 'public')
  const from = inside.length > 0 ? inside : tracing
  if (inside.length === 0 && tracing.length < PUBLIC_PEERS && !isRemoteProxy(tally)) return undefined
  const traced = from.reduce((sum, [, peer]) => sum + peer.traced, 0)
  const direct = peers.reduce((sum, [, peer]) => sum + (peer.traced === 0 ? peer.requests : 0), 0)
  if (traced < FEW || traced < 4 * direct) return undefined
  // A proxy adds its headers to every request. A client that forges them shares its peer with others that do not.
  const untraced = from.reduce((sum, [, peer]) => sum + peer.requests - peer.traced, 0)
  if (untraced > traced) return undefined
  const [first = ''] = from.map(([ip]) => ip)
  const where =
    from.length === 1
      ? `All forwarded requests come from ${first}`
      : `Forwarded requests come from ${from.length} addresses such as ${first}`
  return {
    fact: `${where} with ${headersOf(tally)}, and no trust reads them: all clients behind one address are one client.`,
    remedy: canBeRead(tally)
      ? `Set \`trust: ${readingOf(tally, '', first)}\`.`
      : 'Let the proxy add X-Forwarded-For, then set `trust: trustedHops(1)`.',
  }
}

/** A proxy with a public address. All requests come from it, and they differ as those of many clients do. */
function isRemoteProxy({ peers, requests, forwarded, fingerprints }: Tally): boolean {
  return (
    peers.size === 1 && requests >= SOME && forwarded === requests && fingerprints.size >= KINDS_OF_ONE_PEER
  )
}

function neverMatches(tally: Tally, trust: Trust): Finding | undefined {
  if (trust.header === undefined || trust.isProxy === undefined || tally.matched > 0) return undefined
  const finding = unreadHeaders(tally)
  if (finding === undefined) return undefined
  const [peer = ''] = [...tally.peers].find(([, one]) => one.traced > 0) ?? []
  return {
    fact: finding.fact.replace('no trust reads them', 'no request comes from a proxy that `trust` names'),
    remedy: `Add the range of ${peer} to the ranges of \`trust\`, or, if the proxies have no fixed addresses, set \`trust: ${readingOf(tally, '', peer)}\`.`,
  }
}

function headerMissing(tally: Tally, trust: Trust): Finding | undefined {
  const { header } = trust
  if (header === undefined || tally.withHeader > 0 || tally.matched < FEW) return undefined
  if (tally.matched < 0.8 * tally.requests) return undefined
  const fact = `${tally.matched} requests come from where \`trust\` expects a proxy, none has the header ${nameOf(header)} that \`trust\` reads`
  const other = addressHeadersOf(tally).find(([, count]) => count >= 0.8 * tally.matched)
  if (other !== undefined)
    return {
      fact: `${fact}, and they have ${nameOf(other[0])}: all clients behind one proxy are one client.`,
      remedy: `Read that header, \`trust: ${readingOf(tally, '', [...tally.peers.keys()][0] ?? '')}\`, or let the proxy write ${nameOf(header)}.`,
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
  const hops = Math.max(1, tally.elements)
  return {
    fact: `${nameOf(trust.header ?? '')} has ${elements(tally.elements)}, fewer than the proxies that \`trust\` counts: no client address is verified, so no client is banned.`,
    remedy: `Set \`trust: trustedHops(${hops}${headerOption(trust.header)})\`.`,
  }
}

function tooFewHops(tally: Tally, trust: Trust): Finding | undefined {
  const { withHeader, overtaken, overtakenInside, resolved, beyond } = tally
  if (withHeader < FEW || overtaken < 0.9 * withHeader) return undefined
  // With one public address in front a client may have forged the rest: to believe it would let clients choose.
  const isShared = resolved.size >= 2 && beyond.size >= MANY_CLIENTS && beyond.size >= 4 * resolved.size
  if (overtakenInside < 0.9 * withHeader && !isShared) return undefined
  const [ip = ''] = resolved
  if (trust.header !== 'x-forwarded-for' && trust.header !== 'forwarded')
    return innerAddress(tally, trust, ip)
  return {
    fact: `${nameOf(trust.header ?? '')} names another address in front of ${ip}, which \`trust\` takes for the client: all clients behind that proxy are one client.`,
    remedy:
      trust.proxies === undefined
        ? `Set \`trust: trustedHops(${tally.overtakenElements}${headerOption(trust.header)})\`.`
        : `Add the range of ${ip} to the ranges of \`trust\`.`,
  }
}

/** `X-Real-IP: $remote_addr` of a proxy behind another one. */
function innerAddress(tally: Tally, trust: Trust, ip: string): Finding {
  const list = tally.headers.has('x-forwarded-for') ? 'x-forwarded-for' : 'forwarded'
  return {
    fact: `${nameOf(trust.header ?? '')} holds ${ip}, and ${nameOf(list)} names another address in front of it: all clients behind that proxy are one client.`,
    remedy: `Let the proxy write the address of its client into ${nameOf(trust.header ?? '')}, or set \`trust: trustedHops(${tally.overtakenElements}${headerOption(list)})\`.`,
  }
}

/** A proxy that adds nothing shows itself by its clients, which are many and have one private address. */
function silentProxy(tally: Tally): Finding | undefined {
  if (tally.forwarded > 0 || tally.requests < SOME || tally.fingerprints.size < MANY_CLIENTS) return undefined
  const [[ip, peer] = ['', undefined], ...others] = tally.peers
  if (others.length > 0 || peer === undefined || peer.place === 'public') return undefined
  return {
    fact: `All requests come from ${ip}, from ${tally.fingerprints.size} kinds of clients and without a header of a proxy: all clients are one client.`,
    remedy: 'Let the proxy add X-Forwarded-For, then set `trust: trustedHops(1)`.',
  }
}

const canBeRead = (tally: Tally) => addressHeadersOf(tally).length > 0

const MOST_HOPS = 32

/** The constructor that reads what arrives. */
function readingOf(tally: Tally, options: string, peer = ''): string {
  const list = ['x-forwarded-for', 'forwarded'].find(name => tally.headers.has(name))
  if (list !== undefined) {
    const hops = Number.isFinite(tally.elements) ? Math.min(MOST_HOPS, Math.max(1, tally.elements)) : 1
    const both =
      options === ''
        ? headerOption(list)
        : list === 'forwarded'
          ? ", { header: 'forwarded', unixSocket: true }"
          : options
    return `trustedHops(${hops}${both})`
  }
  const [single] = addressHeadersOf(tally)[0] ?? []
  if (single === undefined || options !== '') return `trustedHops(1${options})`
  return `singleHeader('${single}', { from: ['${peer}'] })`
}

function addressHeadersOf(tally: Tally): readonly (readonly [string, number])[] {
  return ['x-forwarded-for', 'forwarded', ...ADDRESS_HEADERS].flatMap(name => {
    const count = tally.headers.get(name)
    return count === undefined ? [] : [[name, count] as const]
  })
}

function headersOf(tally: Tally): string {
  const list = ['x-forwarded-for', 'forwarded'].find(name => tally.headers.has(name))
  if (list !== undefined) return `${nameOf(list)} of ${elements(tally.elements)}`
  return nameOf(addressHeadersOf(tally)[0]?.[0] ?? [...tally.headers.keys()][0] ?? '')
}

const headerOption = (header: string | undefined) =>
  header === 'forwarded' ? ", { header: 'forwarded' }" : ''

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five']

const elements = (count: number) => `${NUMBERS[count] ?? count} ${count === 1 ? 'element' : 'elements'}`

/** `x-forwarded-for` as `X-Forwarded-For`. */
const nameOf = (header: string) =>
  header
    .replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
    .replace(/Ip$/, 'IP')
