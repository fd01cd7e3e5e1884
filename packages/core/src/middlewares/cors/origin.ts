import type { RequestContext } from '../../contract/context.js'
import type { MaybePromise } from '../../kernel/maybe-promise.js'
import { type Check, type OptionPath, refuse, within } from '../../options/check.js'
import { entriesOf } from '../../options/read.js'
import { neighbourOf, siteIn } from './neighbours.js'
import { foreignMatch } from './pattern/foreign-match.js'

/**
 * Decides about one origin. Anything but `true` and `false` is a mistake and refuses the request
 * with 500.
 */
export type OriginFunction = (origin: string, ctx: RequestContext) => MaybePromise<boolean>

export type OriginOption = string | RegExp | OriginFunction | readonly (string | RegExp)[]

/** What the option says. */
export interface OriginRule {
  /** Decides by the `Origin` header; `'*'` allows any origin. */
  readonly decide: '*' | ((origin: string, ctx: RequestContext) => unknown)
  /** Why the option is too wide for credentials and for a private network. Asked only there. */
  readonly tooWide: () => Fault | undefined
}

interface Fault {
  readonly at: OptionPath
  readonly value: unknown
  readonly allowed: string
}

/**
 * RFC 6454 section 6.2, as far as it keeps a pattern or a function from being shown something that
 * is no origin, `null` included.
 */
const SERIALIZED = /^[a-z][a-z0-9+.-]{0,31}:\/\/[^\s/?#@\\,"<>]+$/
const LONGEST_ORIGIN = 512

export const originRule: Check<OriginRule> = (value, at) => {
  if (value === '*')
    return {
      decide: '*',
      tooWide: () => ({ at, value, allowed: `${WHERE}: the origins by name, never "*"` }),
    }
  if (typeof value === 'function') return asking(value as OriginFunction, at)
  if (!Array.isArray(value)) return matching([entry(value, at)])
  const list = entriesOf(value, 10_000)
  if (list === undefined || list.length === 0) return refuse(at, value, 'a list of 1 to 10000 origins')
  return matching(list.map((one, index) => entry(one, within(at, index))))
}

const WHERE = 'with credentials or privateNetwork'

/**
 * The result of a function is trusted: it may look up data of the team's own, so it cannot be tried
 * out when it is built. Only a function that cannot even see the origin is known to allow every
 * origin.
 */
function asking(decide: OriginFunction, at: OptionPath): OriginRule {
  const allowed = `${WHERE}: a function (origin, ctx) that looks at the origin; one without parameters lets in everybody`
  return {
    decide: (origin, ctx) => isSerialized(origin) && decide(origin, ctx),
    tooWide: () => (decide.length === 0 ? { at, value: decide, allowed } : undefined),
  }
}

interface OriginEntry {
  readonly means: string | RegExp
  readonly tooWide?: () => Fault | undefined
}

function matching(entries: readonly OriginEntry[]): OriginRule {
  const all = entries.map(({ means }) => means)
  const exact = new Set(all.filter(one => typeof one === 'string'))
  const patterns = all.filter(one => one instanceof RegExp)
  return {
    decide: origin =>
      exact.has(origin) ||
      (patterns.length > 0 && isSerialized(origin) && patterns.some(pattern => pattern.test(origin))),
    tooWide: () => {
      for (const one of entries) {
        const fault = one.tooWide?.()
        if (fault !== undefined) return fault
      }
      return undefined
    },
  }
}

const isSerialized = (origin: string) => origin.length <= LONGEST_ORIGIN && SERIALIZED.test(origin)

function entry(value: unknown, at: OptionPath): OriginEntry {
  if (value instanceof RegExp) return pattern(value, at)
  if (typeof value !== 'string')
    return refuse(at, value, 'an origin, a list of origins, a RegExp, a function, or "*" for anybody')
  const allowed = `${WHERE}: the origins by name; every page can make itself "null"`
  if (value === 'null') return { means: value, tooWide: () => ({ at, value, allowed }) }
  return { means: exactOrigin(value, at) }
}

/** Only the very form that browsers send can ever match, so any other is a mistake. */
function exactOrigin(value: string, at: OptionPath): string {
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

/**
 * The origin of a URL; of a scheme that is not the web's (`capacitor://localhost`), which has none,
 * what its web view sends.
 */
function serialized(url: URL): string | undefined {
  if (url.protocol === 'http:' || url.protocol === 'https:') return url.origin
  return url.host === '' ? undefined : `${url.protocol}//${url.host.toLowerCase()}`
}

function pattern(given: RegExp, at: OptionPath): OriginEntry {
  const value = copied(given, at)
  if (/[gy]/.test(value.flags))
    return refuse(at, value, `a RegExp without the flags g and y, which make it remember its last match`)
  if (value.flags.includes('m'))
    return refuse(at, value, 'a RegExp without the flag m, which makes ^ and $ mean lines')
  const { source } = value
  const fault = faultOf(source)
  if (fault !== undefined) return refuse(at, source, fault)
  const neighbour = neighbourOf(value)
  if (neighbour !== undefined)
    return refuse(
      at,
      source,
      `a RegExp that matches your domains alone: this one also lets in "${neighbour}"`,
    )
  return { means: value, tooWide: () => openDomain(value, at) }
}

/** A pattern that does not spell out the registered domain, which another owner can have then. */
function openDomain(value: RegExp, at: OptionPath): Fault | undefined {
  const match = foreignMatch(value)
  if (match === undefined) return undefined
  const origin = match === 'unclear' ? siteIn(value) : match.origin
  const others = origin === undefined ? 'this one cannot be read so' : `this one also lets in "${origin}"`
  const allowed = `${WHERE}: a RegExp that spells out each registered domain in one piece, a list, or a function: ${others}`
  return { at, value: value.source, allowed }
}

/** One of our own, since the given one may be changed, and its methods too. */
function copied(given: RegExp, at: OptionPath): RegExp {
  try {
    return new RegExp(given.source, given.flags)
  } catch {
    return refuse(at, given, 'a RegExp')
  }
}

/**
 * What lets in more than was meant: no anchors, an alternative that is outside of them, a dot that
 * is any character.
 */
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
