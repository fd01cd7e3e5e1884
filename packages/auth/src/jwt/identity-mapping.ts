import { wrongResult } from '@palisade/core/middleware'

/**
 * A team's mapping of the claims of a token. Parts that it does not name are read from the claims
 * as usual.
 */
export interface IdentityMapping {
  subject?: string | undefined
  scopes?: Iterable<string> | undefined
  roles?: Iterable<string> | undefined
  tenant?: string | undefined
  permissions?: readonly string[] | undefined
  /** What `identity.claims` holds. Default: all claims. */
  claims?: Readonly<Record<string, unknown>> | undefined
}

const LISTS: readonly unknown[] = ['scopes', 'roles', 'permissions']
const TEXTS: readonly unknown[] = ['subject', 'tenant']

/**
 * Checks what a team's `identity` function returned. A misspelt name or a string where a list
 * belongs would silently grant something else than was meant.
 *
 * @throws TypeError
 */
export function checkMapping(mapping: unknown): IdentityMapping {
  if (typeof mapping !== 'object' || mapping === null || Array.isArray(mapping))
    throw wrongResult('identity', mapping, 'an object with parts of an identity')
  for (const [name, value] of Object.entries(mapping)) {
    if (!isFit(name, value))
      throw new TypeError(
        `identity returned an unfit "${name}"; allowed: subject and tenant (strings), scopes, roles and permissions (lists of strings), claims (an object)`,
      )
  }
  return mapping
}

function isFit(name: string, value: unknown): boolean {
  if (value === undefined) return LISTS.includes(name) || TEXTS.includes(name) || name === 'claims'
  if (TEXTS.includes(name)) return typeof value === 'string'
  if (LISTS.includes(name))
    return (Array.isArray(value) || (value instanceof Set && name !== 'permissions')) && areWords([...value])
  return name === 'claims' && typeof value === 'object' && value !== null && !Array.isArray(value)
}

const areWords = (values: readonly unknown[]) =>
  values.every(value => typeof value === 'string' && value !== '')
