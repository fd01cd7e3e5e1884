import { BlockList, isIP, SocketAddress } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalIp } from '../../src/address/ip.js'
import { address, groups, ipv4, nearly, notations } from './arbitraries.js'

describe('canonicalIp', () => {
  describe('given the examples of RFC 5952, when written, then as the RFC says', () => {
    it.each([
      [
        'section 2.1, leading zeros',
        '2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001',
        '2001:db8:aaaa:bbbb:cccc:dddd:eeee:1',
      ],
      [
        'section 2.1, leading zeros',
        '2001:db8:aaaa:bbbb:cccc:dddd:eeee:001',
        '2001:db8:aaaa:bbbb:cccc:dddd:eeee:1',
      ],
      ['section 2.2, zero compression', '2001:db8:0:0:0::1', '2001:db8::1'],
      ['section 2.2, zero compression', '2001:db8:0:0::1', '2001:db8::1'],
      ['section 2.2, zero compression', '2001:db8:0::1', '2001:db8::1'],
      ['section 2.2, of equal runs either may be compressed', '2001:db8::aaaa:0:0:1', '2001:db8::aaaa:0:0:1'],
      ['section 2.2, of equal runs either may be compressed', '2001:db8:0:0:aaaa::1', '2001:db8::aaaa:0:0:1'],
      [
        'section 2.3, upper case',
        '2001:db8:aaaa:bbbb:cccc:dddd:eeee:AaAa',
        '2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa',
      ],
      ['section 4.1, leading zeros are suppressed', '2001:0db8::0001', '2001:db8::1'],
      ['section 4.2.1, shortened as much as possible', '2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
      ['section 4.2.1, shortened as much as possible', '2001:db8::0:1', '2001:db8::1'],
      ['section 4.2.2, one zero group is not shortened', '2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      ['section 4.2.3, the longest run', '2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
      ['section 4.2.3, the first of equal runs', '2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
      ['section 4.3, lower case', '2001:DB8::ABCD:EF', '2001:db8::abcd:ef'],
    ])('%s: %s', (_section, text, canonical) => {
      expect(canonicalIp(text)).toBe(canonical)
    })
  })

  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:c000:0201', '192.0.2.1'],
    ['0000:0000:0000:0000:0000:ffff:255.255.255.255', '255.255.255.255'],
    ['0::ffff:0:0', '0.0.0.0'],
    ['::ffff:0:192.0.2.1', '::ffff:0:c000:201'],
    ['::192.0.2.1', '::c000:201'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['::', '::'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
  ])('given %s, then %s', (text, canonical) => {
    expect(canonicalIp(text)).toBe(canonical)
  })

  it.each([
    '',
    ' ',
    '1',
    '127.1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '01.2.3.4',
    '1.2.3.04',
    '00.0.0.0',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '2130706433',
    '256.1.1.1',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.4:80',
    '1.2.3.4/32',
    '1.2.3.-4',
    '1.2.3.+4',
    '1.2.3.４',
    '[::1]',
    '::1%eth0',
    ':',
    ':::',
    '1:',
    ':1',
    '::1:',
    ':1::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '::1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    '00001::',
    'g::',
    '::ffff:1.2.3',
    '::ffff:1.2.3.4.5',
    '::ffff:01.2.3.4',
    '::ffff:1.2.3.256',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1:2:3:4:5:6::1.2.3.4',
    'localhost',
    `${'0'.repeat(4000)}1::`,
    '1.2.3.4\0',
  ])('given %j, which is no address, then undefined', text => {
    expect(canonicalIp(text)).toBeUndefined()
  })

  it('given any text, then it is an address exactly when node:net says so', () => {
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string(), address), text => {
        fc.pre(!text.includes('%'))
        expect(canonicalIp(text) !== undefined).toBe(isIP(text) !== 0)
      }),
      { numRuns: 5000 },
    )
  })

  it('given any address, then the text is the one of node:net in RFC 5952 form, and its own canonical form', () => {
    fc.assert(
      fc.property(address, text => {
        const canonical = canonicalIp(text) ?? ''
        const family = isIP(canonical) === 4 ? 'ipv4' : 'ipv6'
        expect(canonicalIp(canonical)).toBe(canonical)
        expect(canonical).toMatch(/^[0-9.]+$|^[0-9a-f:]+$/)
        const same = new BlockList()
        same.addAddress(text, isIP(text) === 4 ? 'ipv4' : 'ipv6')
        expect(same.check(canonical, family)).toBe(true)
        // inet_ntop writes the last 32 bits of `::/96` as a dotted quad; RFC 5952 leaves that to
        // the prefixes it is common for.
        const theirs = new SocketAddress({ address: canonical, family }).address
        if (!theirs.startsWith('::') || !theirs.includes('.')) expect(canonical).toBe(theirs)
      }),
      { numRuns: 2000 },
    )
  })

  it('given all notations of one address, then one text', () => {
    fc.assert(
      fc.property(groups, all => {
        expect(new Set(notations(all).map(canonicalIp)).size).toBe(1)
      }),
    )
  })

  it('given an IPv4 address, then every mapped notation of it is that address', () => {
    fc.assert(
      fc.property(ipv4, text => {
        const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number)
        for (const mapped of notations([0, 0, 0, 0, 0, 0xffff, a * 256 + b, c * 256 + d]))
          expect(canonicalIp(mapped)).toBe(text)
      }),
    )
  })
})
