import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { networkOf } from '../../src/address/cidr.js'
import { CidrSet } from '../../src/address/cidr-set.js'
import { clientKey } from '../../src/address/client-key.js'
import { directPeer, trustedProxies } from '../../src/address/topologies.js'

describe('clientKey', () => {
  it.each([
    ['192.0.2.1', undefined, '192.0.2.1'],
    ['::ffff:192.0.2.1', undefined, '192.0.2.1'],
    ['2001:db8:0:1:2:3:4:5', undefined, '2001:db8:0:1::/64'],
    ['2001:DB8:0:1::', 56, '2001:db8::/56'],
    ['2001:db8::1', 128, '2001:db8::1/128'],
    ['2001:db8::/64', undefined, undefined],
    ['', undefined, undefined],
  ])('given %s and the prefix %s, then %s', (ip, prefix, key) => {
    expect(clientKey(ip, prefix)).toBe(key)
  })

  it.each([-1, 129, 64.5, Number.NaN])(
    'given the prefix %d, then it throws rather than count nobody',
    prefix => {
      expect(() => clientKey('2001:db8::1', prefix)).toThrow(RangeError)
    },
  )
})

describe('the /64 of any address', () => {
  it('given zeros anywhere, then it is what the network of the address is called', () => {
    const group = fc.oneof({ arbitrary: fc.constant(0), weight: 3 }, fc.nat(0xffff))
    fc.assert(
      fc.property(fc.tuple(group, group, group, group, group), groups => {
        const ip = `${groups.map(one => one.toString(16)).join(':')}:0:0:1`
        fc.pre(!/^(?:64:ff9b|2002):/.test(ip))
        expect(clientKey(ip)).toBe(networkOf(ip, 64))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('addresses that stand for another network', () => {
  it.each([
    // RFC 6052 section 2.4 has the first two.
    ['the example of RFC 6052', '64:ff9b::192.0.2.33', '192.0.2.33'],
    ['the same in hexadecimal', '64:FF9B:0:0:0:0:C000:0221', '192.0.2.33'],
    ['any IPv4 of the internet', '64:ff9b::808:808', '8.8.8.8'],
    ['the highest unicast address', '64:ff9b::dfff:ffff', '223.255.255.255'],
  ])('given %s behind the well-known prefix of NAT64, then the IPv4 address is the client', (_, ip, key) => {
    expect(clientKey(ip)).toBe(key)
  })

  it.each([
    '0.0.0.1',
    '10.0.0.1',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.0.1',
    '172.16.0.1',
    '192.168.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
  ])(
    'given %s behind that prefix, which no translator may send, then it is not taken for that address',
    ipv4 => {
      expect(clientKey(`64:ff9b::${ipv4}`)).toMatch(/^64:ff9b::[\da-f:]+\/128$/)
    },
  )

  it.each([
    ['64:ff9b:1::c000:221', '64:ff9b:1::c000:221/128'],
    ['64:ff9b:1:fffe::192.0.2.33', '64:ff9b:1:fffe::c000:221/128'],
    ['64:ff9b:1:c000:2:2100::', '64:ff9b:1:c000:2:2100::/128'],
    ['64:ff9b:1:ffff:ffff:ffff:ffff:ffff', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff/128'],
    ['64:ff9b:2::1', '64:ff9b:2::/64'],
    ['64:ff9a:ffff:ffff::1', '64:ff9a:ffff:ffff::/64'],
    ['64:ff9b:0:0:1::c000:221', '64:ff9b::/64'],
    ['64:ff9b:0:1::c000:221', '64:ff9b:0:1::/64'],
  ])('given %s, in or beside the prefix for local translators, then %s', (ip, key) => {
    expect(clientKey(ip)).toBe(key)
  })

  it.each([
    ['2002:cb00:7109:1::1', undefined, '2002:cb00:7109::/48'],
    ['2002:cb00:7109:ffff::1', undefined, '2002:cb00:7109::/48'],
    ['2002:cb00:7109:1::1', 128, '2002:cb00:7109::/48'],
    ['2002:cb00:7109:1::1', 40, '2002:cb00:7100::/40'],
    ['2003:cb00:7109:1::1', undefined, '2003:cb00:7109:1::/64'],
  ])(
    'given the 6to4 address %s and the prefix %s, then the site of one IPv4 address, %s',
    (ip, prefix, key) => {
      expect(clientKey(ip, prefix)).toBe(key)
    },
  )

  it('given a Teredo address, then its /64, which all clients of its server share', () => {
    expect(clientKey('2001:0:4136:e378:8000:63bf:3fff:fdd2')).toBe('2001:0:4136:e378::/64')
  })

  it('given whatever width the keys of IPv6 have, then translated clients have theirs', () => {
    for (const prefix of [32, 48, 64, 128]) {
      expect(clientKey('64:ff9b::192.0.2.33', prefix)).toBe('192.0.2.33')
      expect(clientKey('64:ff9b:1::192.0.2.33', prefix)).toBe('64:ff9b:1::c000:221/128')
    }
  })

  it('given a client behind a translator, when it is resolved, then its address is as it came, and its key the IPv4', () => {
    const expected = { ip: '64:ff9b::c000:221', key: '192.0.2.33', bannable: true }
    expect(directPeer().resolve('64:ff9b::192.0.2.33', undefined)).toEqual(expected)
    expect(trustedProxies(['10.0.0.0/8']).resolve('10.0.0.1', '64:ff9b::192.0.2.33')).toEqual(expected)
  })

  it('given a proxy in a private network, when a translated address claims to be it, then it is not believed', () => {
    const { ip, key } = trustedProxies(['10.0.0.0/8']).resolve('64:ff9b::10.0.0.1', '198.51.100.7')
    expect([ip, key]).toEqual(['64:ff9b::a00:1', '64:ff9b::a00:1/128'])
  })
})

describe('a list that closes', () => {
  const closed = new CidrSet(['192.0.2.0/24', '2001:db8::/32'])
  const has = (peer: string | undefined) => closed.hasClient(directPeer().resolve(peer, undefined))

  it.each([
    ['192.0.2.33', true],
    ['::ffff:192.0.2.33', true],
    ['64:ff9b::192.0.2.33', true],
    ['64:ff9b::c000:321', false],
    ['198.51.100.7', false],
    ['2001:db8::7', true],
    ['2001:db9::7', false],
    [undefined, false],
  ])('given %s, then it has the client: %s, also through a translator', (peer, expected) => {
    expect(has(peer)).toBe(expected)
  })

  it('given the prefix of translators, then all that come through them', () => {
    const translators = new CidrSet(['64:ff9b::/96'])
    expect(translators.hasClient(directPeer().resolve('64:ff9b::192.0.2.33', undefined))).toBe(true)
    expect(translators.hasClient(directPeer().resolve('192.0.2.33', undefined))).toBe(false)
  })
})
