import { authenticate, basic } from '@palisade/auth'
import { type Pipeline, pipeline, Reply } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { failban } from '@palisade/failban'
import { beforeEach, describe, expect, test, vi } from 'vitest'

const hashed = vi.hoisted(() => ({ keys: [] as unknown[] }))

vi.mock('node:crypto', async load => {
  const crypto = await load<typeof import('node:crypto')>()
  const createHmac: typeof crypto.createHmac = (algorithm, key, options) => {
    hashed.keys.push(key)
    return crypto.createHmac(algorithm, key, options)
  }
  return { ...crypto, createHmac }
})

beforeEach(() => {
  hashed.keys.length = 0
})

const login = (password: string) => `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`
function users(verify: () => object | undefined) {
  const strategies = [basic({ verify: verify as never, cache: { ttl: '1m' } })]
  const edge = pipeline().use(authenticate({ strategies }))
  // A wrong secret is remembered only where violations are counted.
  edge.events.on('security:violation', () => {})
  return edge
}

/**
 * What is remembered of a client's words without keeping them: each by a hash that the client
 * cannot compute.
 */
const REMEMBERED: readonly [what: string, build: () => Pipeline<object>, request: object][] = [
  [
    'the missing paths of a client',
    () => pipeline().use(failban()),
    { url: '/missing', handler: () => new Reply(404) },
  ],
  ['a wrong password', () => users(() => undefined), { headers: { authorization: login('wrong') } }],
  [
    'a login that was right',
    () => users(() => ({ subject: 'ada' })),
    { headers: { authorization: login('right') } },
  ],
]

describe.each(REMEMBERED)('given %s when it is remembered', (_, build, request) => {
  test('then by a hash with a key of 32 bytes', async () => {
    await inject(build(), request)
    expect(hashed.keys.length).toBeGreaterThan(0)
    for (const key of hashed.keys) expect([Buffer.isBuffer(key), (key as Buffer).length]).toEqual([true, 32])
  })

  test('then each instance has keys of its own', async () => {
    await inject(build(), request)
    const first = hashed.keys.map(key => (key as Buffer).toString('hex'))
    hashed.keys.length = 0
    await inject(build(), request)
    for (const key of hashed.keys) expect(first).not.toContain((key as Buffer).toString('hex'))
  })
})

test('given a login that was right when another client presents it then it is verified again', async () => {
  const verify = vi.fn(() => ({ subject: 'ada' }))
  const edge = users(verify)
  const send = (peer: string) => inject(edge, { peer, headers: { authorization: login('right') } })
  for (const peer of ['203.0.113.1', '203.0.113.1', '203.0.113.2', '203.0.113.2']) await send(peer)
  expect(verify).toHaveBeenCalledTimes(2)
})
