import { apiKey, apiKeys, authenticate } from '@palisade/auth'
import {
  type Pipeline,
  pipeline,
  privateNetworks,
  Reply,
  singleHeader,
  type Trust,
  trustedHops,
  trustedProxies,
} from '@palisade/core'
import { adminApi } from '@palisade/core/admin'
import { type InjectedRequest, inject } from '@palisade/core/testing'
import { banAdmin, failban, ipFilter } from '@palisade/failban'
import { allowIp, anyOf, guard, not } from '@palisade/guards'
import { eventLoop, health } from '@palisade/health'
import { metrics } from '@palisade/metrics'
import { describe, expect, test } from 'vitest'

/**
 * The rule: an address that is not bannable is not verified, and opens nothing. A trusted proxy
 * that does not name its client has an address in many allow lists, and every client behind it
 * would have its rights.
 */
const PROXY = '10.0.0.1'
/** In the same ranges as the proxy. */
const OFFICE = '10.0.9.9'
const INSIDE = ['10.0.0.0/8']
const logger = { debug() {}, info() {}, warn() {}, error() {} }

interface List {
  readonly title: string
  /** What stands in front, and the request that it lets in or not. */
  readonly build: (edge: Pipeline) => MaybePromise<readonly [Pipeline<object>, InjectedRequest]>
  /** Whether it was let in. */
  readonly isOpen?: (answer: { status: number; body: string }) => boolean
}

type MaybePromise<T> = T | Promise<T>

const at = (url: string): InjectedRequest => ({ url })
const inside = allowIp(INSIDE)

const LISTS: readonly List[] = [
  { title: 'ipFilter({ allow })', build: edge => [edge.use(ipFilter({ allow: INSIDE })), {}] },
  {
    title: 'ipFilter({ allow, key }), where the key is the address of the client',
    build: edge => [edge.use(ipFilter({ allow: INSIDE, key: ctx => ctx.client.ip })), {}],
  },
  { title: 'allowIp()', build: edge => [edge.use(guard(inside)), {}] },
  { title: 'anyOf(allowIp())', build: edge => [edge.use(guard(anyOf(inside, inside))), {}] },
  { title: 'not(not(allowIp()))', build: edge => [edge.use(guard(not(not(inside)))), {}] },
  {
    title: 'allowedCidrs of an API key',
    async build(edge) {
      const keys = apiKeys()
      const { key } = await keys.create({ name: 'scraper', owner: 'u1', allowedCidrs: INSIDE })
      return [edge.use(authenticate({ strategies: [apiKey({ keys })] })), { headers: { 'x-api-key': key } }]
    },
  },
  {
    title: 'allow of failban, against its deny list',
    build: edge => [edge.use(failban({ allow: INSIDE, deny: ['0.0.0.0/0'], allowOwnAddresses: false })), {}],
  },
  {
    title: 'authorize: privateNetworks() of an admin API',
    build: edge => [
      edge.use(
        adminApi(
          'admin',
          { path: '/admin', authorize: privateNetworks() },
          { '/': { GET: () => new Reply(200) } },
        ),
      ),
      at('/admin'),
    ],
  },
  {
    title: 'authorize: allowIp() of banAdmin()',
    build(edge) {
      const bans = failban()
      return [edge.use(bans).use(banAdmin(bans, { path: '/bans', authorize: inside })), at('/bans/stats')]
    },
  },
  { title: 'access of metrics()', build: edge => [edge.use(metrics()), at('/metrics')] },
  {
    title: 'authorize: allowIp() of metrics()',
    build: edge => [edge.use(metrics({ authorize: inside })), at('/metrics')],
  },
  {
    title: 'authorize: allowIp() of health()',
    build: edge => [edge.use(health({ checks: [eventLoop()], authorize: inside })), at('/health/ready')],
    isOpen: ({ body }) => body.includes('event'),
  },
]

const X_FORWARDED_FOR = 'x-forwarded-for'

interface Topology {
  readonly title: string
  readonly trust: Trust
  /** Headers with which the proxy names no client. */
  readonly unverified: readonly Readonly<Record<string, string | readonly string[]>>[]
  /** Headers of a client in the office. */
  readonly verified: Readonly<Record<string, string>>
}

const TOPOLOGIES: readonly Topology[] = [
  {
    title: 'trustedProxies',
    trust: trustedProxies([PROXY]),
    unverified: [
      {},
      { [X_FORWARDED_FOR]: '' },
      { [X_FORWARDED_FOR]: 'unknown' },
      { [X_FORWARDED_FOR]: `${OFFICE}, nonsense` },
      { [X_FORWARDED_FOR]: `nonsense, ${PROXY}` },
      { [X_FORWARDED_FOR]: PROXY },
      { forwarded: `for=${OFFICE}` },
      { 'x-real-ip': OFFICE },
    ],
    verified: { [X_FORWARDED_FOR]: OFFICE },
  },
  {
    title: 'trustedHops',
    trust: trustedHops(2),
    unverified: [{}, { [X_FORWARDED_FOR]: 'unknown' }, { [X_FORWARDED_FOR]: OFFICE }],
    verified: { [X_FORWARDED_FOR]: `${OFFICE}, 10.0.0.2` },
  },
  {
    title: 'singleHeader',
    trust: singleHeader('x-real-ip', { from: [PROXY] }),
    unverified: [
      {},
      { 'x-real-ip': 'unknown' },
      { 'x-real-ip': PROXY },
      { 'x-real-ip': [OFFICE, OFFICE] },
      { [X_FORWARDED_FOR]: OFFICE },
    ],
    verified: { 'x-real-ip': OFFICE },
  },
]

async function isLetIn({ build, isOpen }: List, trust: Trust, headers: InjectedRequest['headers']) {
  const [edge, request] = await build(pipeline({ trust, logger }))
  const answer = await inject(edge, {
    ...request,
    peer: PROXY,
    headers: { ...headers, ...request.headers },
  })
  await edge.dispose()
  return isOpen?.(answer) ?? answer.status === 200
}

describe.each(LISTS)('given $title', list => {
  test.each(TOPOLOGIES)('when $title verifies the address then it opens', async ({ trust, verified }) => {
    expect(await isLetIn(list, trust, verified)).toBe(true)
  })

  test.each(TOPOLOGIES)(
    'when $title does not verify the address then it stays shut',
    async ({ trust, unverified }) => {
      for (const headers of unverified)
        expect([headers, await isLetIn(list, trust, headers)]).toEqual([headers, false])
    },
  )
})
