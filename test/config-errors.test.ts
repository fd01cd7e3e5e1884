import { ConfigError } from '@palisade/core'
import { describe, expect, it } from 'vitest'
import { args, type Factory, factories, packages, WITHOUT_OPTIONS } from './factories.js'

function attempt([, build]: Factory, options: unknown): unknown {
  try {
    build(options as never)
    return undefined
  } catch (error) {
    return error
  }
}

/** Two neighbouring letters in the wrong order. */
function misspell(name: string): string {
  const at = [...name].findIndex((letter, i) => i > 0 && letter !== name[i - 1])
  return name.slice(0, at - 1) + name[at] + name[at - 1] + name.slice(at + 1)
}

const fail = () => {
  throw new Error('cannot be read')
}

/** What people and programs pass by mistake. */
const ANYTHING = [
  null,
  false,
  true,
  Number.NaN,
  -1,
  0.5,
  Number.POSITIVE_INFINITY,
  '',
  'é',
  'x'.repeat(10_000),
  [],
  [null],
  {},
  new Map(),
  new Date(Number.NaN),
  10n,
  () => Symbol('wrong'),
  Object.create(null),
  Object.assign([], { length: 1 }),
  new Proxy({}, { get: fail, ownKeys: fail }),
]
/**
 * The same without what throws an error of its own when it is looked at: of an argument, unlike an
 * option, that may be what comes out.
 */
const ANY_ARGUMENT = ANYTHING.slice(0, -1)

/** Options of which a message does not tell the value. */
const SECRET = /^(?:secret|pepper|publicKey)$/

/** A name of a field is the short form of their options. */
const TAKE_A_TEXT = ['requireOwnership', 'requireTenant']

/** Whether an error speaks of an option, or of a part of it. */
const isOf = (error: unknown, option: string) => {
  const named = (error as ConfigError).option
  return named === option || named.startsWith(`${option}.`) || named.startsWith(`${option}[`)
}

describe.each(factories.map(factory => [`${factory[0]}(${factory[5]})`, factory] as const))(
  '%s',
  (_title, factory) => {
    const [owner, , valid, options, instead, at] = factory
    const within = (option: string) => (at === '' ? option : `${at}.${option}`)
    const each = options.map(option => [option] as const)
    const given = (option: string, value: unknown) =>
      instead.includes(option) ? { [option]: value } : { ...valid, [option]: value }

    it('given what this table calls valid then it is accepted, so that the rest is refused for its own reason', () => {
      expect(attempt(factory, valid)).toBeUndefined()
    })

    it('given an option that does not exist then the error names it and the ones that do', () => {
      const error = attempt(factory, { ...valid, zzzzzzzzzzzzzz: 1 })
      expect(error).toBeInstanceOf(ConfigError)
      expect(error).toMatchObject({ owner, option: within('zzzzzzzzzzzzzz') })
      const told = /^one of (.*) \(/.exec((error as ConfigError).allowed)?.[1]?.split(', ') ?? []
      expect(told.sort()).toEqual([...options].sort())
    })

    it.each(each)('given "%s" misspelt then it is named, and the right one is told', option => {
      const wrong = misspell(option)
      const error = attempt(factory, { ...valid, [wrong]: valid[option] ?? 1 })
      expect(error).toBeInstanceOf(ConfigError)
      expect(error).toMatchObject({ owner, option: within(wrong) })
      expect((error as ConfigError).message).toContain(`did you mean "${option}"?`)
    })

    it.each(each)('given "%s" of a type that no option has then it is named, with the value', option => {
      const error = attempt(factory, given(option, Symbol('wrong')))
      expect(error).toBeInstanceOf(ConfigError)
      expect(error).toMatchObject({ owner, option: within(option) })
      // Of a secret only the type.
      const shown = SECRET.test(option) ? 'a symbol' : 'Symbol(wrong)'
      expect((error as ConfigError).message).toContain(
        `${owner}: option "${within(option)}" is ${shown}; allowed: `,
      )
    })

    it.each(each)('given anything at all as "%s" then it is accepted, or refused by name', option => {
      for (const value of ANYTHING) {
        const error = attempt(factory, given(option, value))
        if (error === undefined) continue
        expect(error).toBeInstanceOf(ConfigError)
        expect(error).toMatchObject({ owner })
        expect(isOf(error, within(option)), `${String(error)}`).toBe(true)
      }
    })

    it.each(each)('given "%s" that cannot be read then it is named', option => {
      const options = { ...given(option, undefined) }
      Object.defineProperty(options, option, { get: fail, enumerable: true })
      const error = attempt(factory, options)
      expect(error).toBeInstanceOf(ConfigError)
      expect(error).toMatchObject({ owner, option: within(option) })
    })

    it('given something else than an object of options then it is refused', () => {
      const wrong = [
        null,
        7,
        true,
        [],
        Symbol('wrong'),
        new Map(Object.entries(valid)),
        Promise.resolve(valid),
        Object.create(valid),
        new Proxy({}, { ownKeys: fail }),
        ...(TAKE_A_TEXT.includes(owner) ? [] : ['options']),
      ]
      for (const whole of wrong) {
        const error = attempt(factory, whole)
        expect(error).toBeInstanceOf(ConfigError)
        expect(error).toMatchObject({ owner })
        if (at !== '') expect(isOf(error, at), `${String(error)}`).toBe(true)
      }
    })
  },
)

describe.each(args)('%s(): the argument "%s"', (owner, option, build) => {
  const attempt = (value: unknown) => {
    try {
      build(value as never)
      return undefined
    } catch (error) {
      return error
    }
  }

  it('given one of a type that none has then it is named', () => {
    const error = attempt(Symbol('wrong'))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error).toMatchObject({ owner })
    expect(isOf(error, option), `${String(error)}`).toBe(true)
  })

  it('given anything at all then it is accepted, or refused by name', () => {
    for (const value of ANY_ARGUMENT) {
      const error = attempt(value)
      if (error === undefined) continue
      expect(error).toBeInstanceOf(ConfigError)
      expect(error).toMatchObject({ owner })
      expect(isOf(error, option), `${String(error)}`).toBe(true)
    }
  })
})

it.each(Object.entries(packages))(
  'given what %s exports then every function is in this table, or known to take no options',
  (_name, exported) => {
    const isFunction = ([name, value]: [string, unknown]) =>
      typeof value === 'function' && /^[a-z]/.test(name)
    const known = new Set([...WITHOUT_OPTIONS, ...factories.map(([name]) => name)])
    const names = Object.entries(exported)
      .filter(isFunction)
      .map(([name]) => name)
    expect(names.filter(name => !known.has(name))).toEqual([])
  },
)
