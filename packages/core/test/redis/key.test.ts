import { redisKeys } from '@palisade/core/redis'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const key = redisKeys('api', 'rl')
const parts = fc.array(
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({
      unit: fc.constantFrom(':', '%', '#', '3', 'A', '{', '}', '\ud800', '\udc00'),
      maxLength: 140,
    }),
  ),
  { minLength: 1, maxLength: 4 },
)

describe('keys of a store', () => {
  it('are readable, with the namespace as the hash tag', () => {
    expect(key('login', '203.0.113.9')).toBe('palisade:{api}:rl:login:203.0.113.9')
  })

  it('escape what separates parts', () => {
    expect(key('2001:db8::', '100%')).toBe('palisade:{api}:rl:2001%3Adb8%3A%3A:100%25')
  })

  it('are never longer than their parts allow, and a long part is its digest', () => {
    const long = 'x'.repeat(100_000)
    expect(key('login', long)).toMatch(/^palisade:\{api\}:rl:login:#[\w-]{43}$/)
    expect(key('login', long)).not.toBe(key('login', `${long}x`))
  })

  it('cannot be forged by a stranger who knows the digest of a long part', () => {
    const long = key('x'.repeat(200))
    const forged = key(long.slice('palisade:{api}:rl:'.length))
    expect(forged).not.toBe(long)
  })

  it('differ, as bytes, whenever their parts differ', () => {
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        const same = JSON.stringify(one) === JSON.stringify(other)
        const bytes = (list: string[]) => Buffer.from(key(...(list as [string]))).toString('hex')
        expect(bytes(one) === bytes(other)).toBe(same)
      }),
    )
  })

  it('differ when the same text is cut differently', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(':', '%', 'a', '\ud83d', '\ude00') }),
        fc.nat(),
        fc.nat(),
        (text, at, elsewhere) => {
          const [i, j] = [at % (text.length + 1), elsewhere % (text.length + 1)]
          fc.pre(i !== j)
          expect(key(text.slice(0, i), text.slice(i))).not.toBe(key(text.slice(0, j), text.slice(j)))
        },
      ),
    )
  })

  it.each(['', 'a:b', '{a}', 'a b', 'x'.repeat(65), undefined])(
    'a namespace that is %j is refused',
    namespace => {
      expect(() => redisKeys(namespace as string, 'rl')).toThrow(/redisKeys: option "namespace"/)
    },
  )

  it.each(['', 'RL', 'a:b'])('a kind that is %j is refused', kind => {
    expect(() => redisKeys('api', kind)).toThrow(/redisKeys: option "kind"/)
  })
})
