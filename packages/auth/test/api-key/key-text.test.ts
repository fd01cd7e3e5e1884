import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { base62 } from '../../src/api-key/base62.js'
import { formatKey, newKeyId, newSecret, parseKey } from '../../src/api-key/key-text.js'

const key = () => ({ id: newKeyId(1_700_000_000_000), secret: newSecret() })

test('a key is its prefix, its id, 43 digits of secret and 6 of checksum', () => {
  for (let i = 0; i < 200; i++) {
    const one = key()
    const text = formatKey('shop', one)
    expect(text).toMatch(/^shop_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$/)
    expect(parseKey('shop', text)).toEqual(one)
  }
})

test('the checksum is the CRC-32 of all before it, in base 62', () => {
  expect(crc32('123456789')).toBe(0xcbf43926)
  const text = formatKey('pk', { id: '0'.repeat(16), secret: '1'.repeat(43) })
  expect(text.slice(-6)).toBe(base62(BigInt(crc32(text.slice(0, -6))), 6))
})

test('ids sort by the time of their making', () => {
  const ids = [0, 1, 61, 62, 1_700_000_000_000, 1_700_000_000_001, 3_000_000_000_000].map(newKeyId)
  expect([...ids].sort()).toEqual(ids)
})

test('one changed character anywhere makes it no key', () => {
  const text = formatKey('pk', key())
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
      const changed = text.slice(0, at) + character + text.slice(at + 1)
      expect(parseKey('pk', changed) === undefined).toBe(changed !== text)
    }),
  )
})

test('anything else is no key, however long', () => {
  fc.assert(fc.property(fc.string(), text => parseKey('pk', text) === undefined))
  const text = formatKey('pk', key())
  for (const near of [
    `${text} `,
    ` ${text}`,
    `${text}\n`,
    text.toUpperCase(),
    text.replace('pk', 'sk'),
    `${text}x`,
    text.slice(0, -1),
    'pk_',
    'x'.repeat(1e6),
  ])
    expect(parseKey('pk', near)).toBeUndefined()
})
