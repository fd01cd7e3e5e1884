import { type Check, type OptionPath, refuse, within } from '../../options/check.js'
import { entriesOf, membersOf } from '../../options/read.js'

/**
 * The origins that may use a feature: `'*'`, or a list of `'self'`, `'src'` and origins; an empty
 * list allows no origin. Names in camelCase or kebab-case.
 */
export type PermissionsPolicy = Readonly<Record<string, '*' | readonly string[]>>

/**
 * Features that an API server and most pages do without, and whose abuse would hurt: no origin may
 * use them.
 */
export const DEFAULT_PERMISSIONS = 'camera=(), geolocation=(), microphone=()'

const MOST_ORIGINS = 1000

/**
 * The value of `Permissions-Policy`, a structured dictionary (W3C Permissions Policy section 5.2),
 * from a string or from features.
 */
export const permissionsPolicy: Check<string> = (value, at) => {
  if (typeof value === 'string') {
    if (!/^[!-~][ -~]{0,8191}$/.test(value))
      return refuse(at, value, 'visible ASCII, at most 8192 characters')
    if (!/^[a-z*][\w*.-]*\s*(?:[=,;]|$)/.test(value))
      return refuse(at, value, 'features such as "camera=(), geolocation=(self)"')
    return value
  }
  const features = membersOf(value, at, 'a string, an object of features, or false')
  if (features.length === 0) return refuse(at, value, 'at least one feature, or false')
  const seen = new Set<string>()
  const members = features.map(([given, allowed]) => {
    const here = within(at, given)
    const name = given.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(name) || seen.has(name))
      return refuse(here, allowed, 'the name of a feature, once, in camelCase or kebab-case')
    seen.add(name)
    return `${name}=${allowList(allowed, here)}`
  })
  return members.join(', ')
}

function allowList(value: unknown, at: OptionPath): string {
  if (value === '*') return '*'
  const entries = entriesOf(value, MOST_ORIGINS)
  if (entries === undefined)
    return refuse(at, value, `"*" or a list of "self", "src" and origins; [] is nobody`)
  return `(${entries.map((entry, index) => member(entry, within(at, index))).join(' ')})`
}

function member(entry: unknown, at: OptionPath): string {
  if (entry === 'self' || entry === 'src') return entry
  if (typeof entry === 'string' && /^https?:\/\/(?:\*\.)?[a-z0-9.[\]:-]{1,255}$/.test(entry))
    return `"${entry}"`
  return refuse(at, entry, '"self", "src", or an origin such as "https://maps.example" in lower case')
}
