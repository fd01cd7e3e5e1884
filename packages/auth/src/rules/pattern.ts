import { type Check, foldCase, refuse } from '@palisade/core/middleware'

/**
 * A path in a rule: literal segments, `*` for exactly one segment, and `**` at the end for any
 * number of them, also none. Compared without regard to case, as Express and Koa route by default,
 * and without the slash at the end.
 */
export interface Pattern {
  readonly text: string
  /** Folded literals; `undefined` stands for `*`. */
  readonly parts: readonly (string | undefined)[]
  readonly isOpen: boolean
}

const FORM = /^\/(?:(?:[^/*%?#\\\x00-\x1f\x7f]+|\*)(?:\/(?:[^/*%?#\\\x00-\x1f\x7f]+|\*))*(?:\/\*\*)?|\*\*)?$/
const ALLOWED =
  'a decoded path such as "/health", "/orders/*/items" or "/api/**" ("*" is one segment, "**" stands at the end)'

/**
 * As routers write a segment that varies. Taken for a literal it would match nothing, and another
 * rule would hold.
 */
const PARAMETER = /\/:|[{}]/
/**
 * Characters that may be in a path bare or escaped. Only some hosts decode the escape before they
 * route: to Express and Koa `/a%28` is not `/a(`, to Fastify and Hono it is. The rule would then
 * see another path than some routers.
 */
const AMBIGUOUS = /[!"'()<>[\]^`|]/

export const pattern: Check<Pattern> = (value, at) => {
  if (typeof value !== 'string' || value.length > 1024 || !FORM.test(value) || hasDots(value))
    return refuse(at, value, ALLOWED)
  if (PARAMETER.test(value)) return refuse(at, value, '"*" for a segment that varies, as in "/users/*"')
  if (AMBIGUOUS.test(value))
    return refuse(
      at,
      value,
      `a path without !"'()<>[]^\`|, whose escapes hosts read differently; "*" matches them`,
    )
  const parts = value.split('/').slice(1)
  const isOpen = parts.at(-1) === '**'
  const fixed = isOpen ? parts.slice(0, -1) : parts.filter(part => part !== '')
  return Object.freeze({
    text: value,
    parts: Object.freeze(fixed.map(part => (part === '*' ? undefined : foldCase(part)))),
    isOpen,
  })
}

const hasDots = (path: string) => path.split('/').some(part => part === '.' || part === '..')

/**
 * Whether the pattern matches a folded path that begins with a slash and has no empty segments, but
 * perhaps a slash at its end. Asked at each request, so the path is compared where it is, character
 * by character, and not taken apart: mostly the first one differs.
 */
export function matches({ parts, isOpen }: Pattern, path: string): boolean {
  const last = path.length - 1
  const end = path.charCodeAt(last) === SLASH ? last : path.length
  /** The slash in front of the next segment, or the end. */
  let at = 0
  for (let i = 0; i < parts.length; i++) {
    if (at >= end) return false
    at++
    const part = parts[i]
    if (part === undefined) while (at < end && path.charCodeAt(at) !== SLASH) at++
    else {
      for (let j = 0; j < part.length; j++, at++) if (path.charCodeAt(at) !== part.charCodeAt(j)) return false
      if (at < end && path.charCodeAt(at) !== SLASH) return false
    }
  }
  return isOpen || at >= end
}

const SLASH = 47

/** The paths that both match, as one pattern; `undefined` if no path matches both. */
export function intersection(one: Pattern, other: Pattern): Pattern | undefined {
  const [short, long] = one.parts.length <= other.parts.length ? [one, other] : [other, one]
  if (short.parts.length < long.parts.length && !short.isOpen) return undefined
  const parts: (string | undefined)[] = []
  for (let i = 0; i < long.parts.length; i++) {
    const a = i < short.parts.length ? short.parts[i] : undefined
    const b = long.parts[i]
    if (a !== undefined && b !== undefined && a !== b) return undefined
    parts.push(a ?? b)
  }
  const isOpen = short.isOpen && long.isOpen
  const text = `/${[...parts.map(part => part ?? '*'), ...(isOpen ? ['**'] : [])].join('/')}`
  return { text, parts, isOpen }
}

/** Whether both match the same paths. */
export function isSame(one: Pattern, other: Pattern): boolean {
  return (
    one.isOpen === other.isOpen &&
    one.parts.length === other.parts.length &&
    one.parts.every((part, index) => part === other.parts[index])
  )
}

/** Larger for a pattern whose paths are all matched by another one too. */
export function specificity({ parts, isOpen }: Pattern): number {
  const literals = parts.filter(part => part !== undefined).length
  return literals * 10_000 + parts.length * 2 + (isOpen ? 0 : 1)
}
