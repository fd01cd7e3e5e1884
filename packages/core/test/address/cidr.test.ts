import { describe, expect, it } from 'vitest'
import { canonicalCidr, networkOf } from '../../src/address/cidr.js'

describe('canonicalCidr', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['192.0.2.1/32', '192.0.2.1/32'],
    ['192.0.2.1', '192.0.2.1/32'],
    ['2001:DB8:0:0::/32', '2001:db8::/32'],
    ['::/0', '::/0'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['2001:db8:0:0:8000::/65', '2001:db8:0:0:8000::/65'],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['::ffff:192.0.2.1', '192.0.2.1/32'],
    ['::fffe:0:0/95', '::fffe:0:0/95'],
  ])('given %s, then %s', (text, canonical) => {
    expect(canonicalCidr(text)).toBe(canonical)
    expect(canonicalCidr(canonical)).toBe(canonical)
  })

  it.each([
    '',
    '/',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/+8',
    '10.0.0.0/8 ',
    '10.0.0.0 /8',
    '10.0.0.0/8/8',
    '10.0.0.0/8.0',
    '10.0.0.0/1e1',
    '10.0.0.0/255.0.0.0',
    '10.0/16',
    '10.0.0.1/8',
    '::/129',
    '2001:db8::1/64',
    '2001:db8::%eth0/64',
    '[2001:db8::]/32',
    '::ffff:10.0.0.0/8',
    'loopback',
  ])('given %j, which is no network, then undefined', text => {
    expect(canonicalCidr(text)).toBeUndefined()
  })
})

describe('networkOf', () => {
  it.each([
    ['2001:db8:0:1::5', 48, '2001:db8::/48'],
    ['2001:db8:0:1::5', 64, '2001:db8:0:1::/64'],
    ['2001:db8:0:1::5', 63, '2001:db8::/63'],
    ['2001:db8:0:1::/64', 48, '2001:db8::/48'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 33, 'ffff:ffff:8000::/33'],
    ['2001:db8::1', 128, '2001:db8::1/128'],
    ['2001:db8::1', 0, '::/0'],
    ['192.0.2.200', 24, '192.0.2.0/24'],
    ['255.255.255.255', 1, '128.0.0.0/1'],
    ['::ffff:192.0.2.200', 25, '192.0.2.128/25'],
    ['::ffff:192.0.2.200/96', 0, '0.0.0.0/0'],
    ['::ffff:192.0.2.200/95', 95, '::fffe:0:0/95'],
  ])('given %s and /%d, then %s', (text, prefix, network) => {
    expect(networkOf(text, prefix)).toBe(network)
  })

  it.each([
    ['a narrower network than the range', '2001:db8::/48', 64],
    ['more bits than IPv4 has', '192.0.2.1', 33],
    ['a negative prefix', '192.0.2.1', -1],
    ['half a bit', '192.0.2.1', 8.5],
    ['no number', '192.0.2.1', Number.NaN],
    ['no address', 'localhost', 8],
  ])('given %s, then undefined', (_what, text, prefix) => {
    expect(networkOf(text, prefix)).toBeUndefined()
  })
})
