import { describe, expect, it } from 'vitest'
import type { DiagnosisCode } from '../../src/diagnosis/diagnosis.js'
import {
  type Diagnosis,
  directPeer,
  pipeline,
  singleHeader,
  type Trust,
  trustedHops,
  trustedProxies,
} from '../../src/index.js'
import { type InjectedRequest, inject } from '../../src/testing.js'
import { memoryLogger } from '../support/memory-logger.js'

/**
 * How a team says where its proxies are. `make` takes the ranges and whether a Unix socket is one.
 */
interface Given {
  readonly kind: 'nothing' | 'hops' | 'ranges'
  readonly ranges: readonly string[]
  make(ranges: readonly string[], unixSocket?: { unixSocket: true }): Trust
}

const RANGES = ['10.0.0.0/8']

const GIVEN: Readonly<Record<string, Given>> = {
  'directPeer()': { kind: 'nothing', ranges: [], make: () => directPeer() },
  'trustedHops(1)': { kind: 'hops', ranges: [], make: (_, unix) => trustedHops(1, unix) },
  'trustedHops(3)': { kind: 'hops', ranges: [], make: (_, unix) => trustedHops(3, unix) },
  'trustedHops(1), Forwarded': {
    kind: 'hops',
    ranges: [],
    make: (_, unix) => trustedHops(1, { header: 'forwarded', ...unix }),
  },
  'trustedHops(1), Unix socket': {
    kind: 'hops',
    ranges: [],
    make: () => trustedHops(1, { unixSocket: true }),
  },
  'trustedProxies()': {
    kind: 'ranges',
    ranges: RANGES,
    make: (ranges, unix) => trustedProxies(ranges, unix),
  },
  'trustedProxies(), loopback': {
    kind: 'ranges',
    ranges: ['loopback'],
    make: (ranges, unix) => trustedProxies(ranges, unix),
  },
  'trustedProxies(), Forwarded': {
    kind: 'ranges',
    ranges: RANGES,
    make: (ranges, unix) => trustedProxies(ranges, { header: 'forwarded', ...unix }),
  },
  'trustedProxies(), Unix socket': {
    kind: 'ranges',
    ranges: [],
    make: ranges => trustedProxies(ranges, { unixSocket: true }),
  },
  'singleHeader()': {
    kind: 'ranges',
    ranges: RANGES,
    make: (from, unix) => singleHeader('x-real-ip', { from, ...unix }),
  },
  'singleHeader(), Unix socket': {
    kind: 'ranges',
    ranges: [],
    make: from => singleHeader('x-real-ip', { from, unixSocket: true }),
  },
  "singleHeader('x-forwarded-for')": {
    kind: 'ranges',
    ranges: RANGES,
    make: (from, unix) => singleHeader('x-forwarded-for', { from, ...unix }),
  },
}

const ip = (index: number) => `198.51.100.${index + 1}`
const agent = (index: number) => ({ 'User-Agent': `Mozilla/5.0 (${index % 9})` })

const HEADERS: Readonly<Record<string, (index: number) => Record<string, string>>> = {
  none: agent,
  'X-Forwarded-For of one': i => ({ 'X-Forwarded-For': ip(i) }),
  'X-Forwarded-For of two': i => ({ 'X-Forwarded-For': `${ip(i)}, 172.17.0.4` }),
  'X-Forwarded-For of a network': i => ({ 'X-Forwarded-For': `${ip(i)}, 203.0.113.${i % 6}` }),
  'X-Forwarded-For of names': () => ({ 'X-Forwarded-For': 'client.example' }),
  'Forwarded of two': i => ({ Forwarded: `for=${ip(i)}, for=172.17.0.4` }),
  'X-Real-IP': i => ({ 'X-Real-IP': ip(i) }),
  'X-Real-IP, and few Forwarded': i => ({
    'X-Real-IP': ip(i),
    ...(i % 9 === 0 && { Forwarded: `for=${ip(i)}` }),
  }),
  'X-Real-IP of a proxy': i => ({ 'X-Real-IP': '172.17.0.4', 'X-Forwarded-For': `${ip(i)}, 172.17.0.4` }),
  'X-Forwarded-Host': () => ({ 'X-Forwarded-Host': 'shop.example', Via: '1.1 proxy' }),
}

const PEERS: Readonly<Record<string, (index: number) => string | null>> = {
  'one address': () => '10.0.3.7',
  'two addresses': i => `10.0.3.${7 + (i % 2)}`,
  'another network': i => `172.18.0.${1 + (i % 2)}`,
  'many addresses': i => `172.18.0.${1 + (i % 20)}`,
  loopback: () => '127.0.0.1',
  'a Unix socket': () => null,
}

type Traffic = (index: number) => InjectedRequest

const TRAFFIC = Object.entries(PEERS).flatMap(([from, peer]) =>
  Object.entries(HEADERS).map(
    ([name, headers]) =>
      [`${name}, from ${from}`, (i => ({ peer: peer(i), headers: headers(i) })) as Traffic] as const,
  ),
)

/** Enough for every finding. */
const REQUESTS = 40

async function diagnosisOf(trust: Trust, traffic: Traffic): Promise<Diagnosis | undefined> {
  const edge = pipeline({ logger: memoryLogger(), trust })
  for (let index = 0; index < REQUESTS; index++) await inject(edge, traffic(index))
  return edge.diagnose()
}

const ADDRESS = /\b\d+\.\d+\.\d+\.\d+\b/g

/** What was given, with the remedy taken. `undefined` where it is for the proxy to change. */
function taken(given: Given, remedy: string, traffic: Traffic): Given | undefined {
  if (remedy.startsWith('Let the proxy')) return undefined
  const peers = Array.from({ length: REQUESTS }, (_, index) => traffic(index).peer ?? [])
  const isShort = / more\b/.test(remedy)
  const named = [...(remedy.match(ADDRESS) ?? []), ...(isShort ? [...peers.flat(), '203.0.113.0/24'] : [])]
  const ranges = [...given.ranges, ...named]
  if (remedy.startsWith('Add ')) return { ...given, ranges }
  if (remedy.includes('the same trust'))
    return { ...given, make: all => given.make(all, { unixSocket: true }) }
  const source = /`trust: (.*?)`/.exec(remedy)?.[1]
  const read = new Function('trustedHops', 'trustedProxies', 'singleHeader', 'ranges', `return ${source}`)
  const make: Given['make'] = all => read(trustedHops, trustedProxies, singleHeader, all) as Trust
  return { ...given, ranges, make }
}

const CODES: Readonly<Record<Given['kind'], readonly DiagnosisCode[]>> = {
  nothing: ['CLIENT_ADDRESS_MISSING', 'PROXY_WITHOUT_HEADERS', 'TRUST_MISSING'],
  hops: [
    'CLIENT_ADDRESS_MISSING',
    'PROXY_WITHOUT_HEADERS',
    'TRUST_HEADER_MALFORMED',
    'TRUST_HEADER_MISSING',
    'TRUST_TOO_FEW_HOPS',
    'TRUST_TOO_MANY_HOPS',
  ],
  ranges: [
    'CLIENT_ADDRESS_MISSING',
    'PROXY_WITHOUT_HEADERS',
    'TRUST_HEADER_MALFORMED',
    'TRUST_HEADER_MISSING',
    'TRUST_NEVER_MATCHES',
    'TRUST_TOO_FEW_HOPS',
  ],
}

describe.each(Object.entries(GIVEN))('given %s, and topologies that it does not fit', (_, given) => {
  it.each(TRAFFIC)('%s: the remedy keeps to what was given', async (_name, traffic) => {
    const found = await diagnosisOf(given.make(given.ranges), traffic)
    if (found === undefined) return
    expect(CODES[given.kind]).toContain(found.code)
    expect(found.message).not.toMatch(/undefined|''|Infinity|, \)/)
    if (given.kind === 'ranges') expect(found.message).not.toContain('trustedHops')
    else expect(found.message).not.toMatch(/trustedProxies|the ranges of `trust`/)
    const { peer } = traffic(1)
    if (given.kind !== 'ranges' || !peer || /ADDRESS_MISSING|MALFORMED/.test(found.code)) return
    // Ranges that lack an address are told which.
    expect(found.message).toMatch(ADDRESS)
    if (found.code === 'TRUST_NEVER_MATCHES') expect(found.remedy).toContain(peer)
    if (found.code === 'TRUST_TOO_FEW_HOPS') expect(found.remedy).toMatch(/172\.17\.0\.4|203\.0\.113\./)
  })

  it.each(TRAFFIC)('%s: once the remedy is taken, it is not repeated', async (_name, traffic) => {
    const codes: DiagnosisCode[] = []
    for (let now: Given | undefined = given; now !== undefined; ) {
      const found: Diagnosis | undefined = await diagnosisOf(now.make(now.ranges), traffic)
      if (found === undefined) return
      expect(codes).not.toContain(found.code)
      codes.push(found.code)
      now = taken(now, found.remedy, traffic)
    }
  })
})

it.each(Object.entries(CODES))('given %s, then the rows reach every finding', async (kind, codes) => {
  const reached = new Set<string>()
  for (const given of Object.values(GIVEN))
    for (const [, traffic] of given.kind === kind ? TRAFFIC : []) {
      const found = await diagnosisOf(given.make(given.ranges), traffic)
      if (found !== undefined) reached.add(found.code)
    }
  expect([...reached].sort()).toEqual(codes)
})
