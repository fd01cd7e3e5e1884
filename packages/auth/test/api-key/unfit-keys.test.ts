import { fakeClock } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import { type ApiKeys, apiKey, apiKeys, keyValueKeys, memoryKeys, type NewApiKey } from '../../src/index.js'
import { edge } from '../support/edge.js'
import { remoteStore } from '../support/failing-store.js'
import { fakeLimiter } from '../support/fake-limiter.js'

const FIELDS: NewApiKey = { name: 'Mobile app', owner: 'u42' }
const HOUR = 3_600_000

type Issue = (keys: ApiKeys, now: number) => Promise<string>
const made =
  (fields: object, after: (keys: ApiKeys, id: string) => Promise<unknown> = async () => {}): Issue =>
  async keys => {
    const { key, record } = await keys.create({ ...FIELDS, ...fields })
    await after(keys, record.id)
    return key
  }

/** An hour after they were made, none of them is good, and the secret of each is right. */
const UNFIT: readonly [what: string, issue: Issue][] = [
  ['revoked', made({}, (keys, id) => keys.revoke(id))],
  ['disabled', made({}, (keys, id) => keys.update(id, { disabled: true }))],
  ['expired', (keys, now) => made({ expiresAt: now + HOUR })(keys, now)],
  ['not valid yet', (keys, now) => made({ notBefore: now + 2 * HOUR })(keys, now)],
  ['rotated, and the overlap is over', made({}, (keys, id) => keys.rotate(id, { overlap: '30m' }))],
  [
    'rotated and then revoked',
    made({}, async (keys, id) => {
      await keys.rotate(id, { overlap: '30m' })
      await keys.revoke(id)
    }),
  ],
]

const STORES = {
  memory: () => memoryKeys(),
  'key-value': () => keyValueKeys({ store: remoteStore().store }),
}

function setUp(limit: number, store: keyof typeof STORES) {
  const clock = fakeClock()
  const keys = apiKeys({ clock, store: STORES[store](), pepper: ['n'.repeat(32), 'o'.repeat(32)] })
  const limiter = fakeLimiter(limit)
  const here = edge({ strategies: [apiKey({ keys })], throttle: { 'api-key': limiter } }, clock)
  const use = async (key: string) => (await here.send({ headers: { 'x-api-key': key } })).status
  const weight = () => here.violations.reduce((sum, violation) => sum + violation.weight, 0)
  return { ...here, clock, keys, limiter, use, weight }
}

describe.each(Object.keys(STORES) as (keyof typeof STORES)[])('with keys in a %s store', store => {
  test.each(UNFIT)('keys that are %s weigh nothing: neither a violation nor a throttle', async (_, issue) => {
    const { clock, keys, limiter, use, weight } = setUp(2, store)
    const issued: string[] = []
    for (let n = 0; n < 5; n++) issued.push(await issue(keys, clock.now()))
    clock.advance(HOUR)
    for (const key of issued) expect(await use(key)).toBe(401)
    expect(weight()).toBe(0)
    expect([...limiter.used.values()]).toEqual([0])
  })

  test.each(UNFIT)('the id of a key that is %s is no excuse: a wrong secret counts', async (_, issue) => {
    const { clock, keys, use, weight } = setUp(9, store)
    const key = await issue(keys, clock.now())
    const other = await keys.create(FIELDS)
    clock.advance(HOUR)
    // The checksum covers the id, so that a wrong secret needs a key text of its own.
    const { formatKey, parseKey } = await import('../../src/api-key/key-text.js')
    const { id } = parseKey('pk', key) as { id: string }
    const { secret } = parseKey('pk', other.key) as { secret: string }
    expect(await use(formatKey('pk', { id, secret }))).toBe(401)
    expect(weight()).toBe(1)
  })
})
