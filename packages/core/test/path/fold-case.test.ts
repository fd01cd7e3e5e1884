import { foldCase } from '@palisade/core/middleware'
import { expect, test } from 'vitest'

const UNITS = Array.from({ length: 0x1_0000 }, (_, code) => String.fromCharCode(code))
/**
 * Letters of two units: Deseret, Osage, Old Hungarian, Warang Citi, Medefaidrin, Adlam and what
 * lies between.
 */
const PAIRS = Array.from({ length: 0x1_0000 }, (_, i) => String.fromCodePoint(0x1_0000 + i))

test('given every code unit when a router folds by toLowerCase() then what it takes for the same has one folded form', () => {
  const wrong = [...UNITS, ...PAIRS].filter(
    letter =>
      foldCase(`/${letter}eys/1`) !== foldCase(`/${letter}eys/1`.toLowerCase()) ||
      foldCase(`/a${letter}`) !== foldCase(`/a${letter}`.toLowerCase()),
  )
  expect(wrong).toEqual([])
})

test('given every code unit when a router folds by a regular expression with the flag i then what it takes for the same has one folded form', () => {
  const classes = new Map<string, string[]>()
  for (const unit of UNITS) {
    const key = canonical(unit)
    classes.set(key, [...(classes.get(key) ?? []), unit])
  }
  const wrong: string[] = []
  for (const letters of classes.values()) {
    const first = letters[0] as string
    for (const letter of letters) {
      // The classes are right: the engine itself takes the letters for the same.
      if (letters.length > 1 && !new RegExp(`^\\u${hex(first)}$`, 'i').test(letter)) wrong.push(letter)
      if (foldCase(`/${letter}`) !== foldCase(`/${first}`)) wrong.push(letter)
    }
  }
  expect(wrong).toEqual([])
})

test('given the letters whose lower case is ASCII when they are folded then they are the ASCII letters', () => {
  const found = UNITS.filter(unit => unit > '\x7f' && /^[a-z]$/.test(unit.toLowerCase()))
  expect(found).toEqual(['\u212a'])
  expect(foldCase('/\u212aeys/1')).toBe(foldCase('/keys/1'))
})

test('given a word that ends in sigma when it is folded then all three sigmas are one letter', () => {
  const forms = ['/ΟΔΟΣ', '/οδος', '/οδοσ', '/ΟΔΟς'].map(foldCase)
  expect(new Set(forms).size).toBe(1)
})

test('given a folded path when it is folded again then it stays', () => {
  expect(UNITS.filter(unit => foldCase(foldCase(unit)) !== foldCase(unit))).toEqual([])
})

/** ECMA-262, Canonicalize, without the flag u. */
function canonical(unit: string): string {
  const upper = unit.toUpperCase()
  if (upper.length !== 1) return unit
  return unit.charCodeAt(0) >= 128 && upper.charCodeAt(0) < 128 ? unit : upper
}

function hex(unit: string): string {
  return unit.charCodeAt(0).toString(16).padStart(4, '0')
}
