import { type Check, list, refuse, text } from '@palisade/core/middleware'

/** The methods that a rule holds for; `undefined` for all. */
export type Methods = ReadonlySet<string> | undefined

const names = list(
  text({ pattern: /^[A-Z][A-Z-]{0,30}$/, allowed: 'a method in upper case such as "POST"' }),
  { min: 1, max: 50 },
)

/**
 * Routers answer HEAD with the handler of GET, so it is covered by GET. A rule for HEAD alone would
 * open or close what that handler does beside the rule of GET.
 */
export const methods: Check<ReadonlySet<string>> = (value, at) => {
  const given = new Set(names(value, at))
  if (given.has('HEAD') && !given.has('GET'))
    refuse(at, value, '"GET", which HEAD follows, instead of "HEAD" alone')
  given.delete('HEAD')
  return given
}

/** What both hold for. */
export function commonMethods(one: Methods, other: Methods): Methods | 'none' {
  if (one === undefined) return other
  if (other === undefined) return one
  const common = [...one].filter(method => other.has(method))
  return common.length === 0 ? 'none' : new Set(common)
}

/** Whether rules for one path hold together for all of these methods. */
export function covers(rules: readonly Methods[], wanted: Methods): boolean {
  if (rules.includes(undefined)) return true
  if (wanted === undefined) return false
  return [...wanted].every(method => rules.some(rule => rule?.has(method) === true))
}
