import { request } from 'node:http'
import type { HostName, StackName, Variant } from '../cells.js'
import { LOOPBACK, MOST_STRIKES, ORIGINS, PATH } from '../hosts/host.js'
import type { Credentials } from '../load/issuer.js'
import { PAGE_HEADERS } from '../load/request.js'

/**
 * What a server answers to one of the probes. Names in lower case; several lines of one name are
 * joined.
 */
export interface Probed {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Probe {
  readonly title: string
  readonly method: 'GET' | 'OPTIONS'
  readonly headers: Readonly<Record<string, string>>
  /** Default: the route. */
  readonly path?: string
}

const PROBES: readonly Probe[] = [
  { title: 'a page of an allowed origin', method: 'GET', headers: PAGE_HEADERS },
  { title: 'a page of a foreign origin', method: 'GET', headers: { Origin: 'https://evil.example' } },
  { title: 'a client without an origin', method: 'GET', headers: {} },
  { title: 'a client with a request id', method: 'GET', headers: { 'X-Request-ID': 'trace-7' } },
  {
    title: 'a client with an unfit request id',
    method: 'GET',
    headers: { 'X-Request-ID': 'no id at all, with blanks' },
  },
  {
    title: 'a preflight of an allowed origin',
    method: 'OPTIONS',
    headers: { Origin: ORIGINS[0], 'Access-Control-Request-Method': 'GET' },
  },
]

/** What a stack is asked. */
export function probesOf(stack: StackName, { tokens, unscoped, forged }: Credentials): readonly Probe[] {
  if (stack === 'edge') return PROBES
  const withToken = PROBES.map(probe => (probe.method === 'GET' ? signedIn(probe, tokens[0]) : probe))
  const get = (title: string, headers: Probe['headers']): Probe => ({ title, method: 'GET', headers })
  return [
    ...withToken,
    get('a client without a token', { Origin: ORIGINS[0] }),
    signedIn(get('a client without the scope', {}), unscoped),
    signedIn(get('a client with a forged token', {}), forged[0]),
    signedIn(get('a client with a token that is known', {}), tokens[0]),
  ]
}

function signedIn(probe: Probe, token: string | undefined): Probe {
  return { ...probe, headers: { ...probe.headers, Authorization: `Bearer ${token}` } }
}

const REFUSED: Probe = { title: 'a client over its limit', method: 'GET', headers: PAGE_HEADERS }
const BANNED: Probe = { title: 'a banned client', method: 'GET', headers: PAGE_HEADERS }
export const CHECKED_LIMIT = 2

/** Belong to the connection and the host. */
const NOT_COMPARED = new Set(['date', 'connection', 'keep-alive', 'content-length', 'content-type', 'etag'])

/**
 * Their names are compared, and the form of their values: numbers and ids are different each time.
 */
const VARYING = new Set([
  'x-request-id',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'ratelimit',
  'retry-after',
])

/** What the peers of every host can answer. */
const PEERS_SHARE = ['vary', 'access-control-allow-origin', 'x-content-type-options', 'x-frame-options']
const PEERS_SHARE_ON_SUCCESS = [
  ...PEERS_SHARE,
  'x-request-id',
  'permissions-policy',
  'referrer-policy',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
  'origin-agent-cluster',
  'x-dns-prefetch-control',
  'x-download-options',
  'x-permitted-cross-domain-policies',
  'x-xss-protection',
  'content-security-policy',
]

/** Answers of the variants of one host, by probe. */
export type Answers = Readonly<Partial<Record<Variant, readonly (readonly [Probe, Probed])[]>>>

/**
 * What stands in the way of comparing the variants of a host; empty when nothing does. Floor and
 * Palisade must answer the same; the peers the same status, and the headers that all of them know.
 */
export function differences(host: HostName, answers: Answers): readonly string[] {
  const found: string[] = []
  const say = (variant: Variant, probe: Probe, what: string) =>
    found.push(`${host}/${variant}, ${probe.title}: ${what}`)
  const { floor, palisade, peers, bare } = answers
  for (const [index, [probe, expected]] of (floor ?? []).entries()) {
    const ours = palisade?.[index]?.[1]
    if (ours !== undefined) {
      if (ours.status !== expected.status)
        say('palisade', probe, `status ${ours.status}, and of the floor ${expected.status}`)
      for (const what of unlike(ours.headers, expected.headers)) say('palisade', probe, what)
      if (expected.status === 200 && ours.body !== expected.body) say('palisade', probe, 'another body')
    }
    const theirs = peers?.[index]?.[1]
    if (theirs !== undefined) {
      if (statusClass(theirs.status) !== statusClass(expected.status))
        say('peers', probe, `status ${theirs.status}, and of the floor ${expected.status}`)
      const shared = expected.status === 200 ? PEERS_SHARE_ON_SUCCESS : []
      for (const name of shared)
        if ((theirs.headers[name] === undefined) !== (expected.headers[name] === undefined))
          say(
            'peers',
            probe,
            `${name} is ${theirs.headers[name]}, and of the floor ${expected.headers[name]}`,
          )
      if (expected.status === 200 && theirs.body !== expected.body) say('peers', probe, 'another body')
    }
    const plain = bare?.[index]?.[1]
    if (
      plain !== undefined &&
      probe.method === 'GET' &&
      expected.status === 200 &&
      plain.body !== expected.body
    )
      say('bare', probe, 'another body')
  }
  return found
}

/** A preflight is answered with 200 by some and with 204 by others. */
const statusClass = (status: number) => (status >= 300 ? status : 200)

function unlike(
  ours: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, string>>,
): readonly string[] {
  const names = new Set([...Object.keys(ours), ...Object.keys(expected)])
  return [...names]
    .filter(name => !NOT_COMPARED.has(name) && formOf(name, ours[name]) !== formOf(name, expected[name]))
    .map(name => `${name} is ${ours[name]}, and of the floor ${expected[name]}`)
}

function formOf(name: string, value: string | undefined): string | undefined {
  if (value === undefined || !VARYING.has(name)) return value
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) return 'a UUID'
  return value.replace(/\d+/g, '0')
}

/** Asks one server a probe. */
export function ask(port: number, probe: Probe): Promise<Probed> {
  return new Promise((resolve, reject) => {
    const { method, headers, path = PATH } = probe
    const outgoing = request({ host: LOOPBACK, port, path, method, headers, agent: false }, answer => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: Object.fromEntries(
            Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
          ),
          body: Buffer.concat(chunks).toString(),
        }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/** What a server answers to probes, in their order. */
export async function askAll(port: number, probes: readonly Probe[]): Promise<(readonly [Probe, Probed])[]> {
  const answers: (readonly [Probe, Probed])[] = []
  for (const probe of probes) answers.push([probe, await ask(port, probe)])
  return answers
}

type Ask = (port: number) => Promise<readonly [Probe, Probed]>

/** What a server whose limit is `CHECKED_LIMIT` answers to one request more. */
export function askUntilRefused(stack: StackName, { tokens }: Credentials): Ask {
  const probe = stack === 'edge' ? REFUSED : signedIn(REFUSED, tokens[0])
  return async port => {
    for (let i = 0; i < CHECKED_LIMIT; i++) await ask(port, probe)
    return [probe, await ask(port, probe)]
  }
}

/** What a server of the full stack answers to the right token of a client that tried wrong ones. */
export function askUntilBanned({ tokens, forged }: Credentials): Ask {
  return async port => {
    for (const token of forged.slice(0, MOST_STRIKES)) await ask(port, signedIn(BANNED, token))
    return [BANNED, await ask(port, signedIn(BANNED, tokens[0]))]
  }
}
