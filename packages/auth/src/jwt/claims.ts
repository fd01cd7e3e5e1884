import { type Check, either, list, text } from '@palisade/core/middleware'

/** A claim by its name, or by the names that lead to it: `['realm_access', 'roles']`. */
export type ClaimPath = string | readonly string[]

/** The claims that a part of an identity is read from. */
export interface ClaimSource {
  readonly paths: readonly (readonly string[])[]
  /** Whether the team named it. A claim that has its name by chance may hold anything. */
  readonly isNamed: boolean
}

/** Stands for a claim of another type than what is read from it. */
export const ODD: unique symbol = Symbol('odd')

const MOST_VALUES = 1000

export const claimPath: Check<readonly string[]> = (value, at) => {
  const path = either(
    text({ max: 200 }),
    list(text({ max: 200 }), { min: 1, max: 8 }),
    'the name of a claim, or the names that lead to it',
  )(value, at)
  return typeof path === 'string' ? Object.freeze([path]) : path
}

/**
 * The words in a claim: a list of strings, or one string. Some issuers write an empty list as
 * `null`.
 *
 * @param isJoined whether a string holds several words with spaces in between (RFC 8693 section
 * 4.2)
 */
export function wordsAt(
  claims: object,
  path: readonly string[],
  isJoined: boolean,
): readonly string[] | undefined | typeof ODD {
  const value = valueAt(claims, path)
  if (value === undefined) return undefined
  if (value === null) return []
  if (typeof value === 'string') return isJoined ? value.split(' ').filter(word => word !== '') : [value]
  if (!Array.isArray(value) || value.length > MOST_VALUES) return ODD
  return value.every(word => typeof word === 'string' && word !== '') ? value : ODD
}

/** The text in a claim. */
export function textAt(claims: object, path: readonly string[]): string | undefined | typeof ODD {
  const value = valueAt(claims, path)
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : ODD
}

export function valueAt(claims: object, path: readonly string[]): unknown {
  let value: unknown = claims
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}
