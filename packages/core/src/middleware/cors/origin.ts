import type { RequestContext } from '../../context.js'
import { type Check, type OptionPath, refuse, within } from '../../options/check.js'
import type { MaybePromise } from '../../vocabulary/maybe-promise.js'

/** Decides about one origin. Anything but `true` and `false` is a mistake and refuses the request with 500. */
export type OriginFunction = (origin: string, ctx: RequestContext) => MaybePromise<boolean>

export type OriginOption = string | RegExp | OriginFunction | readonly (string | RegExp)[]

/** What the option says: anybody, or a decision on what the `Origin` header holds. */
export type OriginRule = '*' | ((origin: string, ctx: RequestContext) => unknown)

/** RFC 6454 section 6.2, as far as it keeps a pattern or a function from being shown something that is no origin, `null` included. */
const SERIALIZED = /^[a-z][a-z0-9+.-]{0,31}:\/\/[^\s/?#@\\,"<>]+$/
const LONGEST_ORIGIN = 512

export const originRule: Check<OriginRule> = (value, at) => {
  if (value === '*') return '*'
  if (typeof value === 'function') {
    const decide = value as OriginFunction
    return (origin, ctx) => isSerialized(origin) && decide(origin, ctx)
  }
  if (!Array.isArray(value)) return matching([entry(value, at)])
  if (value.length === 0 || value.length > 10_000) return refuse(at, value, 'a list of 1 to 10000 origins')
  return matching(value.map((one: unknown, index) => entry(one, within(at, index))))
}

/** Whether an option that is a string or a list names this one. */
export function lists(option: unknown, name: string): boolean {
  return option === name || (Array.isArray(option) && option.includes(name))
}

function matching(entries: readonly (string | RegExp)[]): OriginRule {
  const exact = new Set(entries.filter(one => typeof one === 'string'))
  const patterns = entries.filter(one => one instanceof RegExp)
  return origin =>
    exact.has(origin) ||
    (patterns.length > 0 && isSerialized(origin) && patterns.some(pattern => pattern.test(origin)))
}

const isSerialized = (origin: string) => origin.length <= LONGEST_ORIGIN && SERIALIZED.test(origin)

function entry(value: unknown, at: OptionPath): string | RegExp {
  if (value instanceof RegExp) return pattern(value, at)
  if (typeof value !== 'string')
    return refuse(at, value, 'an origin, a list of origins, a RegExp, a function, or "*" for anybody')
  return exactOrigin(value, at)
}

/** Only the very form that browsers send can ever match, so any other is a mistake. */
function exactOrigin(value: string, at: OptionPath): string {
  if (value === 'null') return value
  if (value === '*') return refuse(at, value, '"*" alone and not in a list')
  if (value.includes('*'))
    return refuse(
      at,
      value,
      String.raw`exact origins; for subdomains a RegExp: /^https:\/\/[a-z0-9-]+\.example\.com$/`,
    )
  const url = value.length <= LONGEST_ORIGIN && URL.canParse(value) ? new URL(value) : undefined
  const right = url === undefined ? undefined : serialized(url)
  if (right === undefined)
    return refuse(at, value, 'an origin with its scheme, such as "https://app.example.com"')
  if (right !== value) return refuse(at, value, `the form that browsers send: "${right}"`)
  return value
}

/** The origin of a URL; of a scheme that is not the web's (`capacitor://localhost`), which has none, what its web view sends. */
function serialized(url: URL): string | undefined {
  if (url.protocol === 'http:' || url.protocol === 'https:') return url.origin
  return url.host === '' ? undefined : `${url.protocol}//${url.host.toLowerCase()}`
}

function pattern(value: RegExp, at: OptionPath): RegExp {
  if (/[gy]/.test(value.flags))
    return refuse(at, value, `a RegExp without the flags g and y, which make it remember its last match`)
  if (value.flags.includes('m'))
    return refuse(at, value, 'a RegExp without the flag m, which makes ^ and $ mean lines')
  const fault = faultOf(value.source)
  return fault === undefined ? value : refuse(at, value.source, fault)
}

/** What lets in more than was meant: no anchors, an alternative that is outside of them, a dot that is any character. */
function faultOf(source: string): string | undefined {
  const anchored = String.raw`a RegExp from ^ to $, such as /^https:\/\/[a-z0-9-]+\.example\.com$/`
  if (!source.startsWith('^') || !source.endsWith('$')) return anchored
  let depth = 0
  let inClass = false
  for (let i = 0; i < source.length; i++) {
    const c = source[i]
    if (c === '\\') {
      i++
      if (i === source.length - 1) return anchored
    } else if (inClass) inClass = c !== ']'
    else if (c === '[') inClass = true
    else if (c === '(') depth++
    else if (c === ')') depth--
    else if (c === '|' && depth === 0)
      return 'a RegExp whose alternatives are in a group, ^(?:a|b)$: else ^ and $ hold for one of them each'
    else if (c === '.' && !'*+?{'.includes(source[i + 1] ?? ''))
      return String.raw`a RegExp with "\." for a dot (a bare one is any character)`
  }
  return undefined
}
