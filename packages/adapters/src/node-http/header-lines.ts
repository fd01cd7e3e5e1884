import type { IncomingHttpHeaders } from 'node:http'

/** A field line; the name is in lower case. */
export type HeaderLine = readonly [name: string, value: string]

/**
 * Of these Node keeps the first line and drops the others, as its documentation of
 * `message.headers` lists them.
 */
const FIRST_ONLY: ReadonlySet<string> = new Set(
  `age authorization content-length content-type etag expires from host if-modified-since
  if-unmodified-since last-modified location max-forwards proxy-authorization referer retry-after server user-agent`.split(
    /\s+/,
  ),
)

/**
 * The field lines of a request, in the order received. `fields` decides: a field that is missing
 * there has no line, and one whose value is not that of its lines has the value only, because a
 * middleware has replaced it.
 *
 * @param raw names and values in turn, as Node received them; empty where a gateway made the
 * request
 */
export function headerLines(raw: readonly string[], fields: IncomingHttpHeaders): HeaderLine[] {
  const received = new Map<string, string[]>()
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase()
    const values = received.get(name)
    if (values === undefined) received.set(name, [raw[i + 1] as string])
    else values.push(raw[i + 1] as string)
  }
  // The values that are still to be listed of each field.
  const left = new Map<string, string[]>()
  for (const key of Object.keys(fields)) {
    const value = fields[key]
    const name = key.toLowerCase()
    // `:path` and its kin are the request line of HTTP/2.
    if (value === undefined || value === null || name.startsWith(':')) continue
    const lines = received.get(name)
    const isReceived = lines !== undefined && isValueOf(name, value, lines)
    left.set(name, isReceived ? [...lines] : [value].flat().map(String))
  }
  const listed: HeaderLine[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase()
    const value = left.get(name)?.shift()
    if (value !== undefined) listed.push([name, value])
  }
  for (const [name, values] of left) for (const value of values) listed.push([name, value])
  return listed
}

/** Whether a value is what a host makes of the lines of a field. */
function isValueOf(name: string, value: string | string[], lines: readonly string[]): boolean {
  if (typeof value !== 'string')
    return value.length === lines.length && value.every((one, i) => one === lines[i])
  if (lines.length === 1 || FIRST_ONLY.has(name)) if (value === lines[0]) return true
  return value === lines.join(name === 'cookie' ? '; ' : ', ')
}
