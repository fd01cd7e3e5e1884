import fc from 'fast-check'
import { expect, test } from 'vitest'
import { matches, pattern } from '../../src/rules/pattern.js'

const at = { owner: 'test', option: 'path' }

/** The same question, answered by taking both apart. */
function matchesInParts(text: string, path: string): boolean {
  const split = (each: string) => each.split('/').filter(part => part !== '')
  const wanted = split(text.toUpperCase())
  const parts = split(path)
  const isOpen = wanted.at(-1) === '**'
  if (isOpen) wanted.pop()
  return (
    (isOpen ? parts.length >= wanted.length : parts.length === wanted.length) &&
    wanted.every((part, i) => part === '*' || part === parts[i])
  )
}

const word = fc.constantFrom('a', 'ab', 'abc', 'b', 'a.b', 'é')
const patterns = fc
  .tuple(fc.array(fc.oneof(word, fc.constant('*')), { maxLength: 4 }), fc.boolean())
  .map(([parts, isOpen]) => `/${[...parts, ...(isOpen ? ['**'] : [])].join('/')}`)
const paths = fc
  .tuple(fc.array(word, { maxLength: 5 }), fc.boolean())
  .map(([parts, isSlashed]) => `/${parts.join('/')}${isSlashed && parts.length > 0 ? '/' : ''}`.toUpperCase())

test('given any pattern and any folded path, then it matches as it does segment by segment', () => {
  fc.assert(
    fc.property(patterns, paths, (text, path) => {
      expect(matches(pattern(text, at), path)).toBe(matchesInParts(text, path))
    }),
    { numRuns: 5000 },
  )
})
