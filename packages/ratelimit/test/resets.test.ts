import { directPeer, type Identity, pipeline, provideIdentity } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import {
  byApiKey,
  byClient,
  byHeader,
  byIdentity,
  byRoute,
  byTenant,
  compose,
  createLimiter,
  type KeyFunction,
  rateLimit,
} from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'

/** An address as it arrives, and what an operator may write for it. */
const NOTATIONS: readonly { peer: string; texts: readonly string[] }[] = [
  {
    peer: '2001:db8::1',
    texts: [
      '2001:db8::1',
      '2001:DB8::1',
      '2001:0db8:0000:0000:0000:0000:0000:0001',
      '2001:db8:0:0::ffff',
      '2001:db8::/64',
      '2001:DB8:0:0::/64',
      '2001:db8::1/64',
      '2001:db8::1/128',
    ],
  },
  {
    peer: '198.51.100.7',
    texts: [
      '198.51.100.7',
      '::ffff:198.51.100.7',
      '::FFFF:c633:6407',
      '198.51.100.7/32',
      '::ffff:198.51.100.7/128',
    ],
  },
  { peer: '::ffff:198.51.100.7', texts: ['198.51.100.7', '::ffff:c633:6407'] },
  { peer: 'fe80::1%eth0', texts: ['fe80::1', 'fe80::1%eth0', 'fe80::/64'] },
  { peer: '64:ff9b::c633:6407', texts: ['64:ff9b::c633:6407', '198.51.100.7'] },
  { peer: '2002:c633:6407::1', texts: ['2002:c633:6407::1', '2002:c633:6407::/48'] },
]

const policy = { limit: 1, window: '1m' } as const
const clock = fakeClock()

describe('reset of a rateLimit by an address', () => {
  for (const { peer, texts } of NOTATIONS) {
    it.each(texts)(`${peer}: reset('%s') resets its client`, async text => {
      const limits = rateLimit(policy)
      const edge = pipeline({ clock }).use(limits)
      await inject(edge, { peer })
      expect((await inject(edge, { peer })).status).toBe(429)
      limits.reset(text)
      expect((await inject(edge, { peer })).status).toBe(200)
    })
  }

  it('given client keys of another width, also of several pipelines, then each is reset', async () => {
    const limits = rateLimit(policy)
    const edges = [48, 56, 128].map(ipv6Prefix =>
      pipeline({ clock, trust: directPeer({ ipv6Prefix }) }).use(limits),
    )
    const peer = '2001:db8:1:2:3::1'
    for (const edge of edges) await inject(edge, { peer })
    limits.reset(peer)
    for (const edge of edges) expect((await inject(edge, { peer })).status).toBe(200)
  })

  it('resets no other client', async () => {
    const limits = rateLimit(policy)
    const edge = pipeline({ clock }).use(limits)
    for (const peer of ['2001:db8:0:1::1', '198.51.100.8']) await inject(edge, { peer })
    for (const text of ['2001:db8::1', '198.51.100.7']) limits.reset(text)
    for (const peer of ['2001:db8:0:1::1', '198.51.100.8'])
      expect((await inject(edge, { peer })).status).toBe(429)
  })
})

function loggedIn(claims: Partial<Identity>) {
  const identity: Identity = {
    subject: 'ada',
    method: 'test',
    scopes: new Set(),
    roles: new Set(),
    claims: {},
    ...claims,
  }
  return provideIdentity(() => identity)
}

describe('reset of a rateLimit by what else it is counted by', () => {
  const places: readonly {
    name: string
    key: KeyFunction
    claims?: Partial<Identity>
    headers?: Record<string, string>
    texts: readonly string[]
  }[] = [
    { name: 'byIdentity', key: byIdentity(), claims: {}, texts: ['ada', '@ada'] },
    { name: 'byIdentity in a tenant', key: byIdentity(), claims: { tenant: 'acme' }, texts: ['#4:acmeada'] },
    { name: 'byIdentity without one', key: byIdentity(), texts: ['203.0.113.9', '::ffff:203.0.113.9'] },
    { name: 'byTenant', key: byTenant(), claims: { tenant: 'acme' }, texts: ['acme'] },
    { name: 'byApiKey', key: byApiKey(), headers: { 'X-Api-Key': 'k-123' }, texts: ['k-123'] },
    { name: 'byHeader', key: byHeader('X-Group'), headers: { 'X-Group': 'g1' }, texts: ['g1'] },
    { name: 'byRoute', key: byRoute(), texts: ['GET /'] },
    { name: 'a function that returns the address', key: ctx => ctx.client.ip, texts: ['203.0.113.9'] },
    { name: 'a function that returns the client key', key: ctx => ctx.client.key, texts: ['203.0.113.9/32'] },
    { name: 'compose', key: compose(byClient(), byRoute()), texts: ['11:203.0.113.95:GET /'] },
    { name: 'a long key', key: () => 'x'.repeat(500), texts: ['x'.repeat(500)] },
  ]
  for (const { name, key, claims, headers = {}, texts } of places) {
    it.each(texts)(`${name}: reset('%s')`, async text => {
      const limits = rateLimit({ ...policy, key })
      const base = pipeline({ clock })
      const edge = claims === undefined ? base.use(limits) : base.use(loggedIn(claims)).use(limits)
      await inject(edge, { headers })
      expect((await inject(edge, { headers })).status).toBe(429)
      limits.reset(text)
      expect((await inject(edge, { headers })).status).toBe(200)
    })
  }
})

describe('a reset that would do nothing', () => {
  it.each([
    { key: byClient(), text: 'ada' },
    { key: byClient(), text: '' },
    { key: byClient(), text: '203.0.113.0/24' },
    { key: byClient(), text: '2001:db8::/48' },
    { key: byClient(), text: '[2001:db8::1]:443' },
    { key: byClient(), text: '203.0.113.9:443' },
    { key: byClient(), text: '203.0.113.09' },
    { key: byClient(), text: 42 as never },
    { key: byClient(), text: undefined as never },
    { key: compose(byClient(), byRoute()), text: '2001:db8::1' },
  ])('given $text, says what to pass', ({ key, text }) => {
    expect(() => rateLimit({ ...policy, key }).reset(text)).toThrow(/^reset: the key is .*; allowed: /)
  })

  it.each(['', 42 as never, undefined as never])('createLimiter: given %s, too', text => {
    expect(() => createLimiter(policy).reset(text)).toThrow(TypeError)
  })
})

describe('reset of a createLimiter', () => {
  it.each([
    { counted: '2001:db8::/64', text: '2001:db8::1' },
    { counted: '2001:db8::1', text: '2001:db8::1' },
    { counted: '198.51.100.7', text: '::ffff:198.51.100.7' },
    { counted: 'ada', text: 'ada' },
    { counted: 'y'.repeat(300), text: 'y'.repeat(300) },
  ])('$counted: reset($text)', ({ counted, text }) => {
    const limiter = createLimiter({ ...policy, clock })
    limiter.consume(counted)
    limiter.reset(text)
    expect(limiter.consume(counted).allowed).toBe(true)
  })
})
