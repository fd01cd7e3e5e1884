import { expect, test, vi } from 'vitest'
import { RandomIds } from '../../src/kernel/random-ids.js'

const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('given many ids when they are compared then each is a UUID of version 4, and none comes twice', () => {
  const ids = new RandomIds()
  const made = Array.from({ length: 1000 }, () => ids.next())
  expect(made.filter(id => !UUID_4.test(id))).toEqual([])
  expect(new Set(made).size).toBe(1000)
})

test('given many ids when each digit is counted then every bit that is free takes both values', () => {
  const ids = new RandomIds()
  const made = Array.from({ length: 1000 }, () => ids.next().replaceAll('-', ''))
  const digitsAt = (at: number) => new Set(made.map(id => id[at])).size
  expect(Array.from({ length: 32 }, (_, at) => digitsAt(at))).toEqual(
    Array.from({ length: 32 }, (_, at) => (at === 12 ? 1 : at === 16 ? 4 : 16)),
  )
})

test('given random bytes when ids are made then each has the bytes of its own, in their order', () => {
  const draw = vi.spyOn(crypto, 'getRandomValues').mockImplementation(array => {
    const bytes = array as unknown as Uint8Array
    for (let i = 0; i < bytes.length; i++) bytes[i] = i
    return array
  })
  const ids = new RandomIds()
  expect(draw).not.toHaveBeenCalled()
  expect([ids.next(), ids.next()]).toEqual([
    '00010203-0405-4607-8809-0a0b0c0d0e0f',
    '10111213-1415-4617-9819-1a1b1c1d1e1f',
  ])
  draw.mockRestore()
})
