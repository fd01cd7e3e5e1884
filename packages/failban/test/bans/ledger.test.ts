import { CidrSet, canonicalIp, clientKey } from '@palisade/core/middleware'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { banId, isWithin, rangeOf } from '../../src/bans/ban-id.js'
import { HeldBan } from '../../src/bans/held-ban.js'
import { Ledger } from '../../src/bans/ledger.js'

const ban = (ip: string): HeldBan => {
  const times = { bannedAt: 0, expiresAt: 1000, permanent: false, earlier: [] }
  const facts = { jail: 'manual', reason: 'x', violations: 0, banCount: 1, source: 'manual', shadow: false }
  return new HeldBan({ ip, ...facts, ...times }, 0)
}

const octet = fc.integer({ min: 0, max: 3 })
const ipv4 = fc.tuple(octet, octet).map(([a, b]) => `10.0.${a}.${b}`)
const ipv6 = fc.tuple(octet, octet, octet).map(([a, b, c]) => `2001:db8:${a}:${b}::${c}`)
const address = fc.oneof(ipv4, ipv6)
const target = fc.oneof(
  address,
  fc.constantFrom('10.0.0.0/22', '10.0.1.0/24', '10.0.2.2/31', '10.0.3.3/32'),
  fc.constantFrom('2001:db8::/32', '2001:db8:1::/48', '2001:db8:2:2::/64', '2001:db8:3:3::3/128'),
)
const step = fc.record({ kind: fc.constantFrom('put', 'put', 'remove'), target })

describe('the ledger', () => {
  it('given any bans, then a client is found exactly if one of them has its key or its address', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.array(address, { maxLength: 20 }),
        (steps, visitors) => {
          const ledger = new Ledger()
          const ids = new Set<string>()
          for (const { kind, target } of steps) {
            const id = banId(target, 64) as string
            if (kind === 'put') ledger.put(ban(id))
            else ledger.remove(id)
            if (kind === 'put') ids.add(id)
            else ids.delete(id)
            const ip = visitors[0]
            if (ip !== undefined) ledger.of({ ip, key: clientKey(ip), bannable: true })
          }
          expect(ledger.size).toBe(ids.size)
          const set = new CidrSet([...ids])
          for (const visitor of visitors) {
            const ip = canonicalIp(visitor) as string
            const found = ledger.of({ ip, key: clientKey(ip), bannable: true })
            expect(found !== undefined).toBe(set.has(ip))
            if (found !== undefined) expect(isWithin(ip, found.record.ip)).toBe(true)
            const containing = ledger.containing(ip).map(({ record }) => record.ip)
            expect(containing.sort()).toEqual([...ids].filter(id => isWithin(ip, id)).sort())
          }
        },
      ),
    )
  })

  it('given no address, then nobody is found', () => {
    const ledger = new Ledger()
    ledger.put(ban('0.0.0.0/0'))
    expect(ledger.of({ ip: undefined, key: undefined, bannable: false })).toBeUndefined()
  })

  it('given an IPv4 and an IPv6 network of one width, then each has its own clients', () => {
    const ledger = new Ledger()
    for (const id of ['10.0.0.0/16', '2001::/16']) ledger.put(ban(id))
    expect(ledger.containing('10.0.1.1').map(({ record }) => record.ip)).toEqual(['10.0.0.0/16'])
    expect(ledger.containing('2001:db8::1').map(({ record }) => record.ip)).toEqual(['2001::/16'])
  })
})

describe('an id', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['1.2.3.4/32', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.0/120', '1.2.3.0/24'],
    ['2001:DB8::1', '2001:db8::/64'],
    ['2001:db8::/32', '2001:db8::/32'],
    ['2001:db8::1/128', '2001:db8::1/128'],
    ['1.2.3.4/24', undefined],
    ['nobody', undefined],
    ['', undefined],
  ])('given %s, then it is %s', (text, id) => {
    expect(banId(text, 64)).toBe(id)
    if (id !== undefined) expect(banId(id, 64)).toBe(id)
  })

  it('says its family and width', () => {
    expect(rangeOf('1.2.3.4')).toEqual({ family: 4, prefix: 32 })
    expect(rangeOf('10.0.0.0/8')).toEqual({ family: 4, prefix: 8 })
    expect(rangeOf('2001:db8::/64')).toEqual({ family: 6, prefix: 64 })
  })
})
