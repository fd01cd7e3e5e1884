import { ConfigError } from '../errors/config-error.js'
import { nearest } from './nearest.js'
import { type OptionPath, refuse, within } from './option-path.js'
import { type AcceptedName, calledHere } from './other-names.js'
import { entriesOf, namesOf, read } from './read.js'

export { type OptionPath, refuse, within }

/**
 * Checks one option and returns it in the form the middleware works with. Throws `ConfigError`. A
 * missing option is `undefined`.
 */
export interface Check<T> {
  (value: unknown, at: OptionPath): T
  /** Another name by which the option may be given: see `alsoCalled`. */
  readonly otherName?: AcceptedName
}

export type Checked<S extends Record<string, Check<unknown>>> = {
  [K in keyof S]: S[K] extends Check<infer T> ? T : never
}

/**
 * Checks a whole argument against a shape: every option by its check, and no option that the shape
 * does not name.
 *
 * @throws ConfigError naming the option; for an unknown one, the option that was probably meant.
 */
export function checkOptions<S extends Record<string, Check<unknown>>>(
  owner: string,
  given: unknown,
  shape: S,
): Checked<S> {
  return object(shape)(given === undefined ? {} : given, { owner, option: '' })
}

/**
 * A nested object with exactly these options. Each is read once: the checked value is the used
 * value. Only own properties count: otherwise a `Map`, a promise or an object that inherits its
 * options would be read as one without any.
 */
export function object<S extends Record<string, Check<unknown>>>(shape: S): Check<Checked<S>> {
  const names = Object.keys(shape)
  const others = names.flatMap(name => shape[name]?.otherName ?? [])
  const allowed = `an object with ${names.join(', ')}`
  return (value, at) => {
    const given = namesOf(value, [...names, ...others])
    if (given === undefined) return refuse(at, value, allowed)
    for (const name of given) {
      if (Object.hasOwn(shape, name) || others.some(other => other === name)) continue
      const known = names.length === 0 ? 'no options' : `one of ${names.join(', ')}`
      const here = within(at, name)
      throw new ConfigError({
        ...here,
        value: read(value, name, here),
        allowed: `${known} (${hintFor(name, names)})`,
        isUnknown: true,
      })
    }
    const checked = names.map(name => {
      const check = shape[name] as Check<unknown>
      const [option, here] = readEither(value, name, check.otherName, at)
      return [name, ask(check, option, here)] as const
    })
    return present(checked) as Checked<S>
  }
}

/**
 * The value of an option by whichever of its names it was given, and the path that a refusal names.
 */
function readEither(
  options: unknown,
  name: string,
  other: string | undefined,
  at: OptionPath,
): readonly [value: unknown, at: OptionPath] {
  const here = within(at, name)
  const value = read(options, name, here)
  if (other === undefined) return [value, here]
  const there = within(at, other)
  const otherValue = read(options, other, there)
  if (otherValue === undefined) return [value, here]
  return value === undefined
    ? [otherValue, there]
    : refuse(there, otherValue, `nothing beside "${name}", which is the same option`)
}

/**
 * The option may also be given by another name, one of `options/other-names.ts`, and means the same
 * then. Stands outermost in a shape; the type of the options names both.
 *
 *     const header = alsoCalled('headerName', optional(headerName))
 *     checkOptions('requestId', options, { header })
 */
export function alsoCalled<T>(otherName: AcceptedName, check: Check<T>): Check<T> {
  return Object.assign((value: unknown, at: OptionPath) => check(value, at), { otherName })
}

function hintFor(name: string, known: readonly string[]): string {
  const here = calledHere(name, known)
  if (here !== undefined) return `it is called "${here}" here`
  const meant = nearest(name, known)
  return meant === undefined ? 'there is no such option' : `did you mean "${meant}"?`
}

/**
 * What is absent stays absent: an `undefined` would wipe a field of an object that it is assigned
 * to.
 */
export function present(
  fields: readonly (readonly [name: string, value: unknown])[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined))
}

/**
 * A value that does not let itself be looked at, such as a proxy, is a wrong one like any other.
 */
function ask<T>(check: Check<T>, value: unknown, at: OptionPath): T {
  try {
    return check(value, at)
  } catch (error) {
    if (error instanceof ConfigError) throw error
    return refuse(at, value, 'a value that can be read', error)
  }
}

export function optional<T>(check: Check<T>): Check<T | undefined>
export function optional<T>(check: Check<T>, fallback: T): Check<T>
export function optional<T>(check: Check<T>, fallback?: T): Check<T | undefined> {
  return (value, at) => (value === undefined ? fallback : check(value, at))
}

/** The option may also be `false`, which turns the thing off. */
export function orFalse<T>(check: Check<T>): Check<T | false> {
  return (value, at) => (value === false ? false : check(value, at))
}

export function list<T>(check: Check<T>, limits: { min?: number; max?: number } = {}): Check<readonly T[]> {
  const { min = 0, max = 100_000 } = limits
  return (value, at) => {
    const entries = entriesOf(value, max)
    if (entries === undefined || entries.length < min)
      return refuse(at, value, `an array of ${min} to ${max} entries`)
    return Object.freeze(entries.map((entry, index) => check(entry, within(at, index))))
  }
}

export function oneOf<const T extends string | number | boolean>(...values: readonly T[]): Check<T> {
  const allowed = values.map(value => JSON.stringify(value)).join(', ')
  return (value, at) => {
    if ((values as readonly unknown[]).includes(value)) return value as T
    const meant =
      typeof value === 'string'
        ? nearest(
            value,
            values.filter(known => typeof known === 'string'),
          )
        : undefined
    return refuse(
      at,
      value,
      meant === undefined ? `one of ${allowed}` : `one of ${allowed} (did you mean "${meant}"?)`,
    )
  }
}

export const flag: Check<boolean> = oneOf(true, false)

/** It has no UTF-8: what is kept would be another text. */
const HALF_A_PAIR = /\p{Surrogate}/u

export function text(rule: { pattern?: RegExp; allowed?: string; max?: number } = {}): Check<string> {
  const { pattern, max = 8192, allowed = `a string of 1 to ${max} characters` } = rule
  return (value, at) => {
    if (typeof value !== 'string' || value.length === 0 || value.length > max)
      return refuse(at, value, allowed)
    if (HALF_A_PAIR.test(value)) return refuse(at, value, `${allowed}, in Unicode`)
    if (pattern !== undefined && !pattern.test(value)) return refuse(at, value, allowed)
    return value
  }
}

export function integer(limits: { min?: number; max?: number } = {}): Check<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits
  return (value, at) => {
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
      refuse(at, value, `a whole number from ${min} to ${max}`)
    }
    return value as number
  }
}

/**
 * A function; its own type is asserted by the signature of the factory, at run time only that it
 * can be called.
 */
export function callback<T>(shape = 'a function'): Check<T> {
  return (value, at) => (typeof value === 'function' ? (value as T) : refuse(at, value, shape))
}

/** An object that has these methods: a store, a limiter, a logger. */
export function having<T>(what: string, ...methods: readonly (keyof T & string)[]): Check<T> {
  return (value, at) => {
    if (!hasAll(value, methods)) refuse(at, value, `${what}, with the methods ${methods.join(', ')}`)
    return value as T
  }
}

function hasAll(value: unknown, methods: readonly string[]): boolean {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false
  try {
    return methods.every(name => typeof (value as Record<string, unknown>)[name] === 'function')
  } catch {
    return false
  }
}

/** The first check that accepts; `allowed` says what all of them accept together. */
export function either<A, B>(first: Check<A>, second: Check<B>, allowed: string): Check<A | B> {
  return (value, at) => {
    for (const check of [first, second]) {
      try {
        return check(value, at)
      } catch (error) {
        // A nested option that is wrong has a better message than the sum of all forms.
        if (!(error instanceof ConfigError) || error.option !== at.option) throw error
      }
    }
    return refuse(at, value, allowed)
  }
}

/** `mode: 'enforce' | 'shadow'`, which every protective middleware has. */
export const mode: Check<'enforce' | 'shadow'> = optional<'enforce' | 'shadow'>(
  oneOf('enforce', 'shadow'),
  'enforce',
)
