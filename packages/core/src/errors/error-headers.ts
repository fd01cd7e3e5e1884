import type { HeaderBag } from '../contract/reply.js'
import { read } from './read.js'

const MOST_FIELDS = 64
const NAME = /^[!#$%&'*+\-.^`|~\w]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** They describe a body or a connection that is not the one of the answer. */
const NOT_TAKEN: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
  'etag',
  'keep-alive',
  'last-modified',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * The response headers that an error carries in `headers`, as http-errors, Koa and Fastify have
 * them: `WWW-Authenticate`, `Retry-After`, `Allow`. A plain object or a `Headers`. A field that
 * cannot be sent is left out, because the answer must not fail over it.
 */
export function errorHeaders(error: unknown): HeaderBag | undefined {
  return takenFrom(read(error, 'headers'))
}

/** The same of the headers themselves. */
export function takenFrom(headers: unknown): HeaderBag | undefined {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return undefined
  try {
    const taken = new Map<string, readonly [name: string, lines: string[]]>()
    for (const [name, value] of entriesOf(headers)) {
      if (typeof name !== 'string' || !NAME.test(name) || NOT_TAKEN.has(name.toLowerCase())) continue
      const lines = linesOf(value)
      if (lines.length === 0) continue
      const known = taken.get(name.toLowerCase())
      if (known !== undefined) known[1].push(...lines)
      else if (taken.size < MOST_FIELDS) taken.set(name.toLowerCase(), [name, lines])
    }
    if (taken.size === 0) return undefined
    const bag = [...taken.values()].map(([name, lines]) => [name, lines.length === 1 ? lines[0] : lines])
    return Object.fromEntries(bag) as HeaderBag
  } catch {
    // A getter or a Proxy that throws: such headers cannot be sent.
    return undefined
  }
}

function entriesOf(headers: object): Iterable<readonly [unknown, unknown]> {
  // `Headers`, `Map`: `Set-Cookie` comes once for each line.
  return Symbol.iterator in headers
    ? (headers as Iterable<readonly [unknown, unknown]>)
    : Object.entries(headers)
}

function linesOf(value: unknown): string[] {
  return [value]
    .flat()
    .filter(line => typeof line === 'string' || typeof line === 'number')
    .map(String)
    .filter(line => VALUE.test(line))
}
