import { statusOf } from './status-of.js'

/** What hosts, renderers and loggers read of an error. */
const READ = ['name', 'message', 'stack', 'status', 'statusCode', 'code', 'expose', 'headers', 'cause']
const DEEPEST = 8

/**
 * A thrown value as other code may look at it. Anything can be thrown: a revoked Proxy or a getter
 * that throws would fail each renderer, logger and host that reads it, and so end the process. Such
 * a value is replaced by an `Error`; so is `undefined`, which means "nothing was thrown" elsewhere.
 */
export function inspectable(thrown: unknown): unknown {
  if (thrown === undefined) return new TypeError('undefined was thrown')
  return isReadable(thrown, 0) ? thrown : substitute(thrown)
}

function isReadable(value: unknown, depth: number): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return true
  if (depth === DEEPEST) return false
  const fields = value as Record<string, unknown>
  try {
    // Both throw for a revoked Proxy.
    void (value instanceof Error)
    for (const name of [...READ, ...Object.keys(value)]) void fields[name]
    return isReadable(fields['cause'], depth + 1)
  } catch {
    return false
  }
}

function substitute(thrown: unknown): Error {
  const error = new TypeError('a value that cannot be inspected was thrown')
  const status = statusOf(thrown)
  return status === undefined ? error : Object.assign(error, { status })
}
