import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CidrSet } from '../../src/address/cidr-set.js'
import { clientKey } from '../../src/address/client-key.js'
import { canonicalIp } from '../../src/address/ip.js'
import { directPeer, singleHeader, trustedHops, trustedProxies } from '../../src/address/topologies.js'
import type { Trust } from '../../src/address/trust.js'
import { address, nearly } from './arbitraries.js'

const RANGES = ['10.0.0.0/8', '2001:db8:1::/48']
const proxies = new CidrSet(RANGES)
const proxy = fc.constantFrom('10.0.0.1', '10.255.0.2', '::ffff:10.0.0.3', '2001:db8:1::4', '::ffff:a00:5')
const node = fc.oneof({ arbitrary: proxy, weight: 3 }, { arbitrary: address, weight: 2 })
const junk = fc.constantFrom(
  '',
  'unknown',
  '_x',
  '010.0.0.1',
  '10.1',
  '[::1',
  'for=',
  '"',
  '\\',
  'a"b',
  '1.2.3.4:x',
)

describe('given any peer and any header', () => {
  const trusts: readonly Trust[] = [
    directPeer(),
    trustedProxies(RANGES),
    trustedProxies(RANGES, { header: 'forwarded', unixSocket: true }),
    trustedHops(3, { unixSocket: true }),
    trustedHops(2, { header: 'forwarded' }),
    singleHeader('x-real-ip', { from: RANGES, unixSocket: true }),
  ]
  const peer = fc.option(fc.oneof(node, nearly, fc.string()), { nil: undefined })
  const header = fc.option(
    fc.oneof(
      nearly,
      fc.string(),
      fc.array(fc.oneof(node, junk), { maxLength: 40 }).map(all => all.join(', ')),
    ),
    { nil: undefined },
  )

  it('then nothing throws, the address is canonical, the key is its key, and nobody is never bannable', () => {
    fc.assert(
      fc.property(fc.constantFrom(...trusts), peer, header, (trust, from, value) => {
        const { ip, key, bannable } = trust.resolve(from, value)
        expect(ip === undefined ? undefined : canonicalIp(ip)).toBe(ip)
        expect(key).toBe(ip === undefined ? undefined : clientKey(ip))
        if (ip === undefined) expect(bannable).toBe(false)
      }),
      { numRuns: 5000 },
    )
  })
})

describe('given X-Forwarded-For with bare addresses and junk', () => {
  const elements = fc.array(fc.oneof({ arbitrary: node, weight: 5 }, { arbitrary: junk, weight: 1 }), {
    maxLength: 40,
  })

  /** The same rule the slow way: the whole list at once, addresses judged by node:net. */
  const expected = (
    peer: string,
    list: readonly string[],
    isProxy: (ip: string, distance: number) => boolean,
  ) => {
    const chain = [peer, ...list.toReversed()].slice(0, 33)
    const bad = chain.findIndex(text => isIP(text) === 0)
    const verified = (bad < 0 ? chain : chain.slice(0, bad)).map(text => canonicalIp(text) ?? '')
    const client = verified.findIndex((ip, distance) => !isProxy(ip, distance))
    return client < 0 ? { ip: verified.at(-1), bannable: false } : { ip: verified[client], bannable: true }
  }

  it('then trustedProxies gives the nearest address that is no proxy, and never one beyond it', () => {
    const trust = trustedProxies(RANGES)
    fc.assert(
      fc.property(node, elements, fc.constantFrom(',', ', ', '\t , '), (peer, list, comma) => {
        const result = trust.resolve(peer, list.join(comma))
        const filled = list.filter(element => element !== '')
        expect(result).toMatchObject(expected(peer, filled, ip => proxies.has(ip)))
      }),
      { numRuns: 3000 },
    )
  })

  it('then trustedHops gives the element at its distance, or the last before a fault', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 32 }), node, elements, (hops, peer, list) => {
        const result = trustedHops(hops).resolve(peer, list.join(','))
        expect(result).toMatchObject(expected(peer, list, (_ip, distance) => distance < hops))
      }),
      { numRuns: 3000 },
    )
  })

  it('then whatever the client wrote, the address that our proxy appended is the client', () => {
    const client = address.filter(ip => !proxies.has(ip))
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string()), client, (written, ip) => {
        const appended = trustedProxies(RANGES).resolve('10.0.0.1', `${written}, ${ip}`)
        expect(appended).toMatchObject({ ip: canonicalIp(ip), bannable: true })
      }),
      { numRuns: 2000 },
    )
  })
})

describe('given Forwarded', () => {
  const mixedCase = fc.constantFrom('for', 'For', 'FOR', 'fOr')
  const escaped = (text: string) => text.replace(/[0-9a-f]/g, character => `\\${character}`)
  const quoted = fc
    .string({ unit: fc.constantFrom('a', ',', ';', '=', '"', '\\', ' ', 'for=6.6.6.6'), maxLength: 8 })
    .map(text => `"${text.replace(/["\\]/g, '\\$&')}"`)
  const other = fc.oneof(
    fc.constant('proto=https'),
    quoted.map(value => `host=${value}`),
    quoted.map(value => `by=${value}`),
  )
  /**
   * A well-formed element for an address: bare, quoted, with a port, escaped, between other pairs.
   */
  const element = (ip: string) => {
    const host = ip.includes(':') ? `[${ip}]` : ip
    const values = [`"${host}"`, `"${host}:443"`, `"${host}:_p"`, `"${escaped(host)}"`]
    if (!ip.includes(':')) values.push(ip)
    return fc
      .tuple(
        fc.array(other, { maxLength: 2 }),
        mixedCase,
        fc.constantFrom(...values),
        fc.array(other, { maxLength: 2 }),
      )
      .map(([before, name, value, after]) => [...before, `${name}=${value}`, ...after].join(';'))
  }

  it('then a well-formed list is read as it was written', () => {
    const trust = trustedProxies(RANGES, { header: 'forwarded' })
    const list = fc
      .array(node, { minLength: 1, maxLength: 6 })
      .chain(ips => fc.tuple(fc.constant(ips), fc.tuple(...ips.map(element))))
    fc.assert(
      fc.property(list, ([ips, texts]) => {
        const chain = ips.toReversed().map(ip => canonicalIp(ip) ?? '')
        const client = chain.find(ip => !proxies.has(ip))
        expect(trust.resolve('10.0.0.1', texts.join(', '))).toMatchObject({
          ip: client ?? chain.at(-1),
          bannable: client !== undefined,
        })
      }),
      { numRuns: 3000 },
    )
  })

  it('then whatever the client wrote, quotes and escapes too, the address that our proxy appended is the client', () => {
    const client = address.filter(ip => !proxies.has(ip)).chain(ip => fc.tuple(fc.constant(ip), element(ip)))
    const trust = trustedProxies(RANGES, { header: 'forwarded' })
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string()), client, (written, [ip, text]) => {
        expect(trust.resolve('10.0.0.1', `${written}, ${text}`)).toMatchObject({
          ip: canonicalIp(ip),
          bannable: true,
        })
      }),
      { numRuns: 3000 },
    )
  })
})
