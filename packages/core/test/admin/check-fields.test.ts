import { describe, expect, expectTypeOf, it } from 'vitest'
import { checkFields, checkQuery, integerText } from '../../src/admin.js'
import { pipeline } from '../../src/index.js'
import { type Check, flag, list, object, optional, text } from '../../src/middleware.js'
import { inject } from '../../src/testing.js'

const clearable: Check<string | null | undefined> = (value, at) =>
  value === null || value === undefined ? value : text()(value, at)

const SHAPE = {
  name: text(),
  note: optional(text()),
  isOpen: optional(flag, true),
  address: optional(object({ city: text(), zip: optional(text()) })),
  lines: optional(list(object({ item: text(), note: optional(text()) }))),
  owner: clearable,
}

describe('checkFields()', () => {
  it('given optional fields that are absent, then they stay absent, and a default is there', () => {
    const fields = checkFields({ name: 'a' }, SHAPE)
    expect(Object.keys(fields).sort()).toEqual(['isOpen', 'name'])
    expect('note' in fields).toBe(false)
    expect(fields.isOpen).toBe(true)
  })

  it('given a record, when the fields of a PATCH are assigned to it, then nothing is wiped', () => {
    const record = { name: 'a', note: 'b', owner: 'c', lines: [1] }
    expect(Object.assign({ ...record }, checkFields({ name: 'z' }, SHAPE))).toEqual({
      ...record,
      name: 'z',
      isOpen: true,
    })
  })

  it('given a field that is undefined, then it is absent too', () => {
    expect('note' in checkFields({ name: 'a', note: undefined }, SHAPE)).toBe(false)
  })

  it('given a field that null takes away, then null stays', () => {
    expect(checkFields({ name: 'a', owner: null }, SHAPE).owner).toBeNull()
  })

  it('given objects and lists inside, then what is absent in them stays absent', () => {
    const given = { name: 'a', address: { city: 'b' }, lines: [{ item: 'c' }, { item: 'd', note: 'e' }] }
    const { address, lines } = checkFields(given, SHAPE)
    expect(Object.keys(address ?? {})).toEqual(['city'])
    expect(lines?.map(line => Object.keys(line))).toEqual([['item'], ['item', 'note']])
  })

  it('given a shape with a name of the prototype, then it is a field like any other', () => {
    const fields = checkFields(JSON.parse('{"__proto__":"a"}'), { ['__proto__']: text() })
    expect(Object.hasOwn(fields, '__proto__')).toBe(true)
    expect(Object.getPrototypeOf(fields)).toBe(Object.prototype)
  })

  it('given a query, then an absent parameter stays absent', async () => {
    let seen: object | undefined
    const edge = pipeline().use({
      name: 'a',
      onRequest: ctx => {
        seen = checkQuery(ctx as never, { page: optional(integerText()), limit: optional(integerText(), 20) })
      },
    })
    await inject(edge, { url: '/' })
    expect(Object.keys(seen ?? {})).toEqual(['limit'])
  })

  it('given the type, then a field that may be absent is optional', () => {
    const fields = checkFields({ name: 'a' }, { name: text(), note: optional(text()) })
    expectTypeOf(fields).toEqualTypeOf<{ name: string } & { note?: string }>()
  })
})

describe('checkFields() of what a check and a body may do', () => {
  it('given a field that the body inherits, then it was not sent', () => {
    expect(checkFields(Object.create({ name: 'x' }), { name: optional(text()) })).toEqual({})
  })

  it('given a check that fails by itself, then its error is passed on', () => {
    const broken = () => {
      throw new TypeError('broken')
    }
    expect(() => checkFields({ name: 'x' }, { name: broken })).toThrow(TypeError)
  })
})
