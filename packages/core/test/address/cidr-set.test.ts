import { BlockList, isIPv4 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { networkOf } from '../../src/address/cidr.js'
import { CidrSet, cidrs } from '../../src/address/cidr-set.js'
import { canonicalIp } from '../../src/address/ip.js'
import { ConfigError } from '../../src/errors/config-error.js'
import { checkOptions, optional } from '../../src/options/check.js'
import { nearly } from './arbitraries.js'

const problem = (run: () => unknown): ConfigError => {
  try {
    run()
  } catch (error) {
    if (error instanceof ConfigError) return error
  }
  throw new Error('no ConfigError was thrown')
}

describe('CidrSet', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0', true],
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '9.255.255.255', false],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:a01:203', true],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['10.0.0.0/8', '::a01:203', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', true],
    ['::/0', '10.0.0.1', false],
    ['::/0', '::ffff:10.0.0.1', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['2001:db8::/32', '2001:DB8:0:1::', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['fe80::/10', 'febf:ffff::1', true],
    ['fe80::/10', 'fec0::', false],
    ['10.0.0.0/8', '010.0.0.1', false],
    ['10.0.0.0/8', '10.0.0.1 ', false],
    ['10.0.0.0/8', '10.1', false],
    ['10.0.0.0/8', '', false],
  ])('given %s, when asked for %s, then %s', (range, ip, expected) => {
    expect(new CidrSet([range]).has(ip)).toBe(expected)
  })

  it.each([
    ['loopback', ['127.0.0.1', '127.255.255.255', '::1'], ['128.0.0.0', '::2', '10.0.0.1']],
    [
      'private',
      ['10.1.1.1', '172.16.0.0', '172.31.255.255', '192.168.1.1', 'fd00::1'],
      ['172.32.0.0', '172.15.255.255', '192.169.0.0', 'fe00::', '127.0.0.1'],
    ],
    ['linklocal', ['169.254.169.254', 'fe80::1'], ['169.253.0.0', 'fec0::1']],
  ])('given the name %s, then its ranges and no others', (name, inside, outside) => {
    const set = new CidrSet([name])
    expect(inside.filter(ip => !set.has(ip))).toEqual([])
    expect(outside.filter(ip => set.has(ip))).toEqual([])
  })

  it('given ranges that overlap or touch, then they are one interval', () => {
    expect(new CidrSet(['10.0.0.0/9', '10.128.0.0/9', '10.1.0.0/16', '10.0.0.0/9']).size).toBe(1)
    expect(new CidrSet(['2001:db8::/33', '2001:db8:8000::/33']).size).toBe(1)
    expect(new CidrSet(['0.0.0.0/1', '128.0.0.0/1', '::/1', '8000::/1']).size).toBe(2)
    expect(new CidrSet(['10.0.0.0/32', '10.0.0.2/32']).size).toBe(2)
    expect(new CidrSet([]).size).toBe(0)
  })

  it.each([
    [['10.0.0.0/8'], '10.1.0.0/16', true, true],
    [['10.0.0.0/8'], '10.0.0.0/8', true, true],
    [['10.0.0.0/8'], '10.0.0.0/7', false, true],
    [['10.0.0.0/8'], '11.0.0.0/8', false, false],
    [['10.0.0.0/9', '10.128.0.0/9'], '10.0.0.0/8', true, true],
    [['10.0.0.0/9', '10.128.0.0/10'], '10.0.0.0/8', false, true],
    [['10.255.0.0/16'], '10.0.0.0/8', false, true],
    [['2001:db8::/32'], '2001:db8:1::/48', true, true],
    [['2001:db8:1:2::/64'], '2001:db8:1::/48', false, true],
    [['2001:db8:1:2::/64'], '2001:db8:2::/48', false, false],
    [['10.0.0.0/8'], '10.1.2.3', true, true],
    [['10.0.0.0/8'], '10.0.0.1/16', false, false],
    [['10.0.0.0/8'], 'nonsense', false, false],
    [['::/0'], '10.0.0.0/8', false, false],
    [[], '10.0.0.0/8', false, false],
  ])(
    'given %j, when asked for the range %s, then covers %s and overlaps %s',
    (ranges, range, covers, overlaps) => {
      const set = new CidrSet(ranges)
      expect(set.covers(range)).toBe(covers)
      expect(set.overlaps(range)).toBe(overlaps)
    },
  )

  it('given 10,000 ranges, then each end of each is found and its outer neighbour is not', () => {
    const ranges = Array.from({ length: 10_000 }, (_, i) => `11.${i >> 7}.${(i & 127) * 2}.0/24`)
    const set = new CidrSet(ranges)
    expect(set.size).toBe(10_000)
    for (const range of ranges) {
      const [a, b, c] = range.split('.').map(Number)
      expect(set.has(`${a}.${b}.${c}.0`)).toBe(true)
      expect(set.has(`${a}.${b}.${c}.255`)).toBe(true)
      expect(set.has(`${a}.${b}.${Number(c) + 1}.0`)).toBe(false)
    }
  })
})

// Few distinct bits, so that random ranges and random addresses meet, at the edges of words too.
const word = fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff)
const someIpv4 = fc.tuple(word, word).map(([x, y]) => [x >> 8, x & 255, y >> 8, y & 255].join('.'))
const someIpv6 = fc
  .array(word, { minLength: 7, maxLength: 7 })
  .map(rest => ['2001', ...rest.map(value => value.toString(16))].join(':'))
const range = fc.oneof(
  fc.tuple(someIpv4, fc.integer({ min: 0, max: 32 })),
  fc.tuple(someIpv6, fc.integer({ min: 3, max: 128 })),
)
const ranges = fc.array(
  range.map(([ip, prefix]) => networkOf(ip, prefix) ?? ''),
  { maxLength: 30 },
)

/**
 * A second way to the same answer, slow and plain: the address as a string of bits, and a prefix of
 * it.
 */
const bits = (ip: string): string => {
  if (isIPv4(ip))
    return ip
      .split('.')
      .map(octet => Number(octet).toString(2).padStart(8, '0'))
      .join('')
  const [head = '', tail] = ip.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const all = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
  return all.map(text => Number.parseInt(text, 16).toString(2).padStart(16, '0')).join('')
}
const prefixBits = (network: string) => {
  const [base = '', prefix = ''] = network.split('/')
  return bits(base).slice(0, Number(prefix))
}
const contains = (network: string, ip: string) =>
  isIPv4(network.split('/')[0] ?? '') === isIPv4(ip) && bits(ip).startsWith(prefixBits(network))

describe('CidrSet, held against other ways to the answer', () => {
  it('given random ranges and addresses, then it agrees with a linear search over strings of bits', () => {
    fc.assert(
      fc.property(ranges, fc.array(fc.oneof(someIpv4, someIpv6), { maxLength: 20 }), (networks, ips) => {
        const set = new CidrSet(networks)
        for (const ip of ips) {
          const canonical = canonicalIp(ip) ?? ''
          expect(set.has(ip)).toBe(networks.some(network => contains(network, canonical)))
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('given random ranges and addresses, then it agrees with the BlockList of node:net', () => {
    fc.assert(
      fc.property(ranges, fc.array(fc.oneof(someIpv4, someIpv6), { maxLength: 20 }), (networks, ips) => {
        const set = new CidrSet(networks)
        const list = new BlockList()
        for (const network of networks) {
          const [base = '', prefix = ''] = network.split('/')
          list.addSubnet(base, Number(prefix), isIPv4(base) ? 'ipv4' : 'ipv6')
        }
        for (const ip of ips) expect(set.has(ip)).toBe(list.check(ip, isIPv4(ip) ? 'ipv4' : 'ipv6'))
      }),
      { numRuns: 500 },
    )
  })

  it('given random ranges, then covers and overlaps agree with halving the range until one network decides', () => {
    fc.assert(
      fc.property(ranges, range, (networks, [ip, prefix]) => {
        const asked = networkOf(ip, prefix) ?? ''
        const own = networks
          .filter(network => isIPv4(network.split('/')[0] ?? '') === isIPv4(ip))
          .map(prefixBits)
        const within = (part: string) => own.some(network => part.startsWith(network))
        const around = (part: string) => own.some(network => network.startsWith(part))
        const covered = (part: string): boolean =>
          within(part) || (around(part) && covered(`${part}0`) && covered(`${part}1`))
        const set = new CidrSet(networks)
        expect(set.covers(asked)).toBe(covered(prefixBits(asked)))
        expect(set.overlaps(asked)).toBe(within(prefixBits(asked)) || around(prefixBits(asked)))
      }),
      { numRuns: 2000 },
    )
  })

  it('given any text, then no question throws', () => {
    const set = new CidrSet(['private', 'loopback'])
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string()), text => {
        for (const answer of [set.has(text), set.covers(text), set.overlaps(text)])
          expect(typeof answer).toBe('boolean')
      }),
    )
  })
})

describe('cidrs, the option', () => {
  const read = (allow: unknown) =>
    checkOptions('ipFilter', { allow }, { allow: optional(cidrs, new CidrSet(['loopback'])) }).allow

  it('given ranges, then a set; given a set, then the same set; given nothing, then the fallback', () => {
    const set = new CidrSet(['10.0.0.0/8'])
    expect(read(['10.0.0.0/8', 'loopback', '2001:db8::1']).has('127.0.0.1')).toBe(true)
    expect(read(set)).toBe(set)
    expect(read(undefined).has('::1')).toBe(true)
  })

  it.each([
    ['host bits in IPv4', ['::1', '10.0.0.1/8'], 'allow[1]', '"10.0.0.0/8"'],
    ['host bits in IPv4, the address meant', ['10.0.0.1/8'], 'allow[0]', '"10.0.0.1/32"'],
    ['host bits in IPv6', ['2001:db8:0:1::1/64'], 'allow[0]', '"2001:db8:0:1::/64"'],
    ['a prefix that is too long', ['10.0.0.0/33'], 'allow[0]', 'CIDR notation'],
    ['a name that is misspelt', ['loopbak'], 'allow[0]', 'did you mean "loopback"?'],
    ['a name of Object.prototype', ['constructor'], 'allow[0]', 'CIDR notation'],
    ['a number', [10], 'allow[0]', 'CIDR notation'],
    ['a string alone', '10.0.0.0/8', 'allow', 'an array'],
    ['null', null, 'allow', 'an array'],
  ])('given %s, then a ConfigError that names the option and the way out', (_what, allow, option, says) => {
    const error = problem(() => read(allow))
    expect(error).toMatchObject({ owner: 'ipFilter', option })
    expect(error.message).toContain(says)
  })
})
