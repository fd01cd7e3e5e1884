import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { HeaderBag } from '@palisade/core'
import { mergeVary } from '../vary.js'
import { HeaderNames, isFitValue } from './header-names.js'
import { headerTableOf } from './header-table.js'
import type { HeaderTable } from './new-table.js'

/** Whether a field gathers what everybody says, instead of keeping the last word: `Set-Cookie` and `Vary`. */
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

/** Sets a header in the response's table, if it has one and there is nothing to say against it; else with Node's own checks and errors. */
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

export const NAMES = new HeaderNames()

/** Headers of an answer: each replaces what was set before, but for those that gather. @throws TypeError for what cannot be sent */
export function putHeaders(res: ServerResponse, headers: HeaderBag | OutgoingHttpHeaders): void {
  const table = headerTableOf(res)
  for (const name in headers) {
    const value = headers[name] as string | readonly string[]
    if (gathers(name)) addHeader(res, name, value)
    else setHeader(res, table, name, value)
  }
}
