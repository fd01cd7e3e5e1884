import { describe, expect, it } from 'vitest'
import { CidrSet } from '../../src/address/cidr-set.js'
import { saysEncrypted } from '../../src/address/scheme.js'
import { directPeer, singleHeader, trustedHops, trustedProxies } from '../../src/address/topologies.js'
import type { Trust } from '../../src/address/trust.js'
import { ConfigError } from '../../src/errors/config-error.js'

const client = (ip: string, bannable: boolean) => ({ ip, key: ip, bannable })
const NOBODY = { ip: undefined, key: undefined, bannable: false }

const direct = directPeer()
const ten = trustedProxies(['10.0.0.0/8'])
const tenForwarded = trustedProxies(['10.0.0.0/8'], { header: 'forwarded' })
const real = singleHeader('X-Real-IP', { from: ['10.0.0.0/8'] })

describe('given the topologies of the design, then the client is', () => {
  it.each<[string, Trust, string | undefined, string, string, boolean]>([
    ['direct', direct, '1.2.3.4', '203.0.113.9', '203.0.113.9', true],
    ['10/8, from elsewhere', ten, '1.2.3.4', '203.0.113.9', '203.0.113.9', true],
    ['10/8', ten, '6.6.6.6, 198.51.100.7', '10.0.0.1', '198.51.100.7', true],
    ['10/8, no header', ten, undefined, '10.0.0.1', '10.0.0.1', false],
    ['10/8, mapped peer', ten, '198.51.100.7', '::ffff:10.0.0.1', '198.51.100.7', true],
    ['10/8, IPv6 and port', ten, '[2001:db8::7]:443', '10.0.0.1', '2001:db8::7', true],
    ['10/8, unknown', ten, '198.51.100.7, unknown', '10.0.0.1', '10.0.0.1', false],
    ['hops 1', trustedHops(1), '6.6.6.6, 198.51.100.7', '10.0.0.1', '198.51.100.7', true],
    [
      '10/8, Forwarded',
      tenForwarded,
      'for=6.6.6.6, For="[2001:db8:cafe::17]:4711";proto=https',
      '10.0.0.1',
      '2001:db8:cafe::17',
      true,
    ],
  ])('%s', (_topology, trust, header, peer, ip, bannable) => {
    expect(trust.resolve(peer, header)).toMatchObject({ ip, bannable })
  })
})

describe('directPeer', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9', '203.0.113.9'],
    ['::ffff:cb00:7109', '203.0.113.9', '203.0.113.9'],
    ['2001:DB8:0:1:0:0:0:5', '2001:db8:0:1::5', '2001:db8:0:1::/64'],
    ['fe80::1%eth0', 'fe80::1', 'fe80::/64'],
  ])('given the peer %s, then the address and the key that it counts by', (peer, ip, key) => {
    expect(direct.resolve(peer, undefined)).toEqual({ ip, key, bannable: true })
  })

  it.each([
    undefined,
    '',
    'localhost',
    '/run/app.sock',
    '1.2.3.4:80',
    '01.2.3.4',
    '1.2.3.4%eth0',
    'fe80::1%',
    'fe80::1%a b',
  ])('given the peer %j, which is no address, then nobody', peer => {
    expect(direct.resolve(peer, undefined)).toEqual(NOBODY)
  })

  it('given another IPv6 prefix, then keys are networks of that size', () => {
    expect(directPeer({ ipv6Prefix: 56 }).resolve('2001:db8:0:1ff::5', undefined).key).toBe(
      '2001:db8:0:100::/56',
    )
    expect(directPeer({ ipv6Prefix: 128 }).resolve('2001:db8::5', undefined).key).toBe('2001:db8::5/128')
  })

  it('given any answer, then the same keys in the same order, so that one hidden class serves all', () => {
    const answers = [
      direct.resolve('203.0.113.9', undefined),
      direct.resolve('::1', undefined),
      direct.resolve('', undefined),
    ]
    answers.push(
      ten.resolve('10.0.0.1', 'x'),
      ten.resolve('10.0.0.1', '1.2.3.4'),
      real.resolve('10.0.0.1', '::1'),
    )
    for (const answer of answers) expect(Object.keys(answer)).toEqual(['ip', 'key', 'bannable'])
  })
})

describe('trustedProxies', () => {
  const proxies = trustedProxies(['10.0.0.0/8', '2001:db8:1::/48'])

  it.each([
    ['several proxies', '6.6.6.6, 198.51.100.7, 10.0.0.3,10.0.0.2', '10.0.0.1', client('198.51.100.7', true)],
    ['a chain of proxies only', '10.0.0.3, 10.0.0.2', '10.0.0.1', client('10.0.0.3', false)],
    ['an IPv6 proxy', '198.51.100.7', '2001:db8:1::1', client('198.51.100.7', true)],
    ['a mapped proxy in the header', '198.51.100.7, ::ffff:a00:2', '10.0.0.1', client('198.51.100.7', true)],
    ['a header written by an untrusted peer', '10.0.0.2', '192.0.2.1', client('192.0.2.1', true)],
    [
      'an untrusted address between proxies',
      '10.0.0.9, 192.0.2.1, 10.0.0.2',
      '10.0.0.1',
      client('192.0.2.1', true),
    ],
    [
      'something malformed left of the client',
      'unknown, "\\, 192.0.2.1',
      '10.0.0.1',
      client('192.0.2.1', true),
    ],
    [
      'something malformed right of the client',
      '192.0.2.1, unknown, 10.0.0.2',
      '10.0.0.1',
      client('10.0.0.2', false),
    ],
    ['no socket address', '192.0.2.1', undefined, NOBODY],
  ])('given %s, then the nearest address that is no proxy', (_what, header, peer, expected) => {
    expect(proxies.resolve(peer, header)).toEqual(expected)
  })

  it('given 32 elements that are proxies, then the walk ends there', () => {
    const chain = (length: number) => `192.0.2.1${', 10.0.0.2'.repeat(length)}`
    expect(proxies.resolve('10.0.0.1', chain(31))).toEqual(client('192.0.2.1', true))
    expect(proxies.resolve('10.0.0.1', chain(32))).toEqual(client('10.0.0.2', false))
    expect(proxies.resolve('10.0.0.1', chain(100_000))).toEqual(client('10.0.0.2', false))
  })

  it('given the other header, then it is not asked for', () => {
    expect(proxies.header).toBe('x-forwarded-for')
    expect(tenForwarded.header).toBe('forwarded')
    expect(direct.header).toBeUndefined()
  })

  it('given a Unix socket, then nobody, unless the option says that the proxy is behind it', () => {
    const unix = trustedProxies([], { unixSocket: true })
    for (const peer of [undefined, '']) {
      expect(proxies.resolve(peer, '192.0.2.1')).toEqual(NOBODY)
      expect(unix.resolve(peer, '6.6.6.6, 192.0.2.1')).toEqual(client('192.0.2.1', true))
      expect(unix.resolve(peer, 'unknown')).toEqual(NOBODY)
      expect(unix.resolve(peer, undefined)).toEqual(NOBODY)
    }
    expect(unix.resolve('192.0.2.9', '192.0.2.1')).toEqual(client('192.0.2.9', true))
    expect(unix.resolve('not an address', '192.0.2.1')).toEqual(NOBODY)
  })
})

describe('given empty list elements', () => {
  const CHAINS = [
    '198.51.100.7 ,',
    '198.51.100.7,',
    ', 198.51.100.7',
    '198.51.100.7, ,\t,,',
    '198.51.100.7,, 10.0.0.2',
    '6.6.6.6,,198.51.100.7 , , 10.0.0.2,,',
    `198.51.100.7${','.repeat(32)}`,
  ]
  const asForwarded = (chain: string) => chain.replace(/[\d.]+/g, 'for=$&')

  it.each(CHAINS)('%j: trustedProxies skips them in both headers', chain => {
    expect(ten.resolve('10.0.0.1', chain)).toEqual(client('198.51.100.7', true))
    expect(tenForwarded.resolve('10.0.0.1', asForwarded(chain))).toEqual(client('198.51.100.7', true))
  })

  it.each(CHAINS.filter(chain => !chain.startsWith(',')))('%j: trustedHops takes them for a fault', chain => {
    for (const hops of [2, 3]) {
      const result = trustedHops(hops).resolve('10.0.0.1', chain)
      expect([result.ip, result.bannable]).toEqual([expect.stringMatching(/^10\.0\.0\.[12]$/), false])
      const other = trustedHops(hops, { header: 'forwarded' }).resolve('10.0.0.1', asForwarded(chain))
      expect(other).toEqual(result)
    }
  })

  it.each(['198.51.100.7 ,', ',198.51.100.7', ' , 198.51.100.7:443 ,,'])(
    '%j: singleHeader skips them',
    value => {
      expect(real.resolve('10.0.0.1', value)).toEqual(client('198.51.100.7', true))
    },
  )

  it('nothing but empty elements, or more of them than are skipped, gives the proxy', () => {
    for (const chain of ['', ' ', ',', ' , ,', `198.51.100.7${','.repeat(600)}`, ','.repeat(100_000)])
      for (const trust of [ten, tenForwarded, real])
        expect(trust.resolve('10.0.0.1', chain)).toEqual(client('10.0.0.1', false))
  })

  it('given empty elements when there are up to 32 of up to 512 characters then they are skipped, and no more', () => {
    const commas = (n: number) => `198.51.100.7${','.repeat(n)}`
    const blanks = (n: number) => `198.51.100.7,${' '.repeat(n)}`
    expect(ten.resolve('10.0.0.1', commas(32))).toEqual(client('198.51.100.7', true))
    expect(ten.resolve('10.0.0.1', commas(33))).toEqual(client('10.0.0.1', false))
    expect(ten.resolve('10.0.0.1', blanks(498))).toEqual(client('198.51.100.7', true))
    expect(ten.resolve('10.0.0.1', blanks(520))).toEqual(client('10.0.0.1', false))
  })

  it('the scheme of the nearest proxy is found by the same rule', () => {
    expect(saysEncrypted('x-forwarded-proto', 'http, https ,', true)).toBe(true)
    expect(saysEncrypted('x-forwarded-proto', 'https, http,,', true)).toBe(false)
    expect(saysEncrypted('x-forwarded-proto', 'https,', false)).toBe(false)
    expect(saysEncrypted('forwarded', 'for=192.0.2.1;proto=https, ,', true)).toBe(true)
    expect(saysEncrypted('forwarded', 'for=192.0.2.1;proto=https,', false)).toBe(false)
    expect(saysEncrypted('forwarded', ' , ', true)).toBe(false)
  })
})

describe('trustedHops', () => {
  it.each([
    [1, '198.51.100.7', '203.0.113.1', client('198.51.100.7', true)],
    [2, '6.6.6.6, 198.51.100.7, 203.0.113.2', '203.0.113.1', client('198.51.100.7', true)],
    [2, '198.51.100.7', '203.0.113.1', client('198.51.100.7', false)],
    [3, '198.51.100.7, 203.0.113.2', '203.0.113.1', client('198.51.100.7', false)],
    [1, undefined, '203.0.113.1', client('203.0.113.1', false)],
    [1, '', '203.0.113.1', client('203.0.113.1', false)],
    [2, '198.51.100.7, unknown', '203.0.113.1', client('203.0.113.1', false)],
    [2, '198.51.100.7,, 203.0.113.2', '203.0.113.1', client('203.0.113.2', false)],
    [1, '198.51.100.7', undefined, NOBODY],
  ])(
    'given %d hops and %j, then the element that the farthest proxy wrote',
    (hops, header, peer, expected) => {
      expect(trustedHops(hops).resolve(peer, header)).toEqual(expected)
    },
  )

  it('given the most hops, then the last element that is read is the client', () => {
    expect(trustedHops(32).resolve('10.0.0.1', `6.6.6.6, 192.0.2.1${', 10.0.0.2'.repeat(31)}`)).toEqual(
      client('192.0.2.1', true),
    )
  })

  it('given a Unix socket with the option, then it is the first hop', () => {
    const unix = trustedHops(2, { unixSocket: true })
    expect(unix.resolve('', '198.51.100.7, 203.0.113.2')).toEqual(client('198.51.100.7', true))
    expect(unix.resolve(undefined, '203.0.113.2')).toEqual(client('203.0.113.2', false))
  })
})

describe('singleHeader', () => {
  it.each([
    ['an address', '198.51.100.7', '10.0.0.1', client('198.51.100.7', true)],
    ['blanks and a port', ' \t198.51.100.7:443 ', '10.0.0.1', client('198.51.100.7', true)],
    ['an untrusted peer', '198.51.100.7', '192.0.2.1', client('192.0.2.1', true)],
    ['no header', undefined, '10.0.0.1', client('10.0.0.1', false)],
    ['an empty header', '', '10.0.0.1', client('10.0.0.1', false)],
    ['two values', '6.6.6.6, 198.51.100.7', '10.0.0.1', client('10.0.0.1', false)],
    ['no address', 'unknown', '10.0.0.1', client('10.0.0.1', false)],
    ['an endless value', `${' '.repeat(100_000)}198.51.100.7`, '10.0.0.1', client('10.0.0.1', false)],
    ['the address of a proxy', '10.0.0.2', '10.0.0.1', client('10.0.0.2', false)],
    ['no socket address', '198.51.100.7', undefined, NOBODY],
  ])('given %s, then', (_what, header, peer, expected) => {
    expect(real.resolve(peer, header)).toEqual(expected)
  })

  it('given its name in any case, then the header in lower case', () => {
    expect(real.header).toBe('x-real-ip')
  })

  it('given a Unix socket with the option, then its header counts', () => {
    const unix = singleHeader('x-real-ip', { from: [], unixSocket: true })
    expect(unix.resolve('', '198.51.100.7')).toEqual(client('198.51.100.7', true))
    expect(unix.resolve('', 'unknown')).toEqual(NOBODY)
    expect(unix.resolve('192.0.2.1', '198.51.100.7')).toEqual(client('192.0.2.1', true))
  })
})

describe('given who asks which addresses are proxies', () => {
  it('when the topology names them, then their ranges, in any notation', () => {
    for (const trust of [ten, tenForwarded, real]) {
      expect(trust.proxies?.has('::ffff:10.0.0.1')).toBe(true)
      expect(trust.proxies?.has('203.0.113.9')).toBe(false)
    }
  })

  it('when it does not, then nothing, since a hop may be any address', () => {
    expect(direct.proxies).toBeUndefined()
    expect(trustedHops(1).proxies).toBeUndefined()
  })
})

describe('given an option that is wrong, then construction throws a ConfigError that names it', () => {
  // Plain JavaScript can pass what the types forbid.
  const loose = (value: unknown) => value as never
  it.each<[string, () => Trust, string, string]>([
    ['no proxies', () => trustedProxies([]), 'cidrs', 'directPeer()'],
    ['missing proxies', () => trustedProxies(loose(undefined)), 'cidrs', 'missing'],
    ['all of IPv4', () => trustedProxies(['0.0.0.0/0']), 'cidrs', 'trustedHops()'],
    ['all of IPv4 in halves', () => trustedProxies(['0.0.0.0/1', '128.0.0.0/1']), 'cidrs', 'trustedHops()'],
    ['all of IPv6, built before', () => trustedProxies(new CidrSet(['::/0'])), 'cidrs', 'trustedHops()'],
    ['host bits', () => trustedProxies(['::1', '10.0.0.1/8']), 'cidrs[1]', '"10.0.0.0/8"'],
    [
      'another header',
      () => trustedProxies(['private'], { header: loose('x-real-ip') }),
      'header',
      '"forwarded"',
    ],
    [
      'an unknown option',
      () => trustedProxies(['private'], loose({ headers: 'forwarded' })),
      'headers',
      '"header"',
    ],
    ['a prefix too short', () => directPeer({ ipv6Prefix: 16 }), 'ipv6Prefix', '32 to 128'],
    ['a prefix too long', () => trustedHops(1, { ipv6Prefix: 129 }), 'ipv6Prefix', '32 to 128'],
    ['no hops', () => trustedHops(0), 'hops', '1 to 32'],
    ['too many hops', () => trustedHops(33), 'hops', '1 to 32'],
    ['hops as text', () => trustedHops(loose('1')), 'hops', '1 to 32'],
    ['hops as true', () => trustedHops(loose(true)), 'hops', '1 to 32'],
    ['no header name', () => singleHeader('', { from: ['private'] }), 'name', 'field name'],
    [
      'a list as one header',
      () => singleHeader('Forwarded', { from: ['private'] }),
      'name',
      'trustedProxies()',
    ],
    ...[
      'Content-Length',
      'Transfer-Encoding',
      'Set-Cookie',
      'Host',
      'Cookie',
      '__proto__',
      'constructor',
    ].map((name): [string, () => Trust, string, string] => [
      `${name}, which no proxy replaces by an address`,
      () => singleHeader(name, { from: ['private'] }),
      'name',
      'an HTTP field name',
    ]),
    [
      'a list with a hole',
      () => trustedProxies(loose(Object.assign(['::1'], { length: 2 }))),
      'cidrs[1]',
      '',
    ],
    ['null for options', () => directPeer(loose(null)), '', 'null'],
    ['nobody to take it from', () => singleHeader('x-real-ip', loose(undefined)), 'from', 'missing'],
    ['an empty list to take it from', () => singleHeader('x-real-ip', { from: [] }), 'from', 'at least one'],
    ['everybody', () => singleHeader('x-real-ip', { from: ['0.0.0.0/0'] }), 'from', 'not every address'],
  ])('%s', (_what, build, option, says) => {
    let thrown: unknown
    try {
      build()
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(ConfigError)
    expect(thrown).toMatchObject({ option, message: expect.stringContaining(says) })
  })
})
