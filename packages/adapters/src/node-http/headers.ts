import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { HeaderBag } from '@palisade/core'
import { mergeVary } from '../vary.js'
import { headerTableOf } from './header-table.js'
import type { HeaderTable } from './new-table.js'

/**
 * Whether a field gathers all values that were set, instead of keeping the last one: `Set-Cookie`
 * and `Vary`.
 */
export function gathers(name: string): boolean {
  const { length } = name
  return (length === 4 && isVary(name)) || (length === 10 && name.toLowerCase() === 'set-cookie')
}

export function isVary(name: string): boolean {
  return name.length === 4 && name.toLowerCase() === 'vary'
}

/** One more field line, or one more member of `Vary`. */
export function addHeader(res: ServerResponse, name: string, value: string | readonly string[]): void {
  if (isVary(name)) {
    const existing = res.getHeader(name)
    const added = typeof value === 'string' ? value : value.join(', ')
    res.setHeader(name, mergeVary(existing === undefined ? undefined : String(existing), added))
  } else {
    res.appendHeader(name, value)
  }
}

/**
 * Sets a header in the response's table, if it has one and there is nothing to say against it; else
 * with Node's own checks and errors.
 */
export function setHeader(
  res: ServerResponse,
  table: HeaderTable | undefined,
  name: string,
  value: string | number | readonly string[],
): void {
  const key =
    table !== undefined && (typeof value === 'number' || isFitValue(value))
      ? NAMES.lowerCase(name)
      : undefined
  if (table !== undefined && key !== undefined) table[key] = [name, value]
  else res.setHeader(name, value)
}

/**
 * Headers of an answer: each replaces what was set before, but for those that gather. @throws
 * TypeError for what cannot be sent
 */
export function putHeaders(res: ServerResponse, headers: HeaderBag | OutgoingHttpHeaders): void {
  const table = headerTableOf(res)
  for (const name in headers) {
    const value = headers[name] as string | readonly string[]
    if (gathers(name)) addHeader(res, name, value)
    else setHeader(res, table, name, value)
  }
}

/** RFC 9110 section 5.5 as Node checks it: visible characters, blanks, and bytes above ASCII. */
const UNFIT_VALUE = /[^\t\x20-\x7e\x80-\xff]/
/** RFC 9110 section 5.6.2: a token. */
const TOKEN = /^[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+$/
const MOST = 1000

/**
 * Names that were checked, to their lower-case form. They come from code, so they are few; the
 * bound is for those who build names.
 */
class HeaderNames {
  private readonly known = new Map<string, string>()

  /** `undefined` for what is no field name. */
  lowerCase(name: string): string | undefined {
    return this.known.get(name) ?? this.learn(name)
  }

  private learn(name: string): string | undefined {
    if (typeof name !== 'string' || !TOKEN.test(name)) return undefined
    const lower = name.toLowerCase()
    if (this.known.size < MOST) this.known.set(name, lower)
    return lower
  }
}

function isFitValue(value: unknown): value is string {
  return typeof value === 'string' && !UNFIT_VALUE.test(value)
}

export const NAMES = new HeaderNames()
