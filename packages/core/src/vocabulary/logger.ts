import { isPromise } from '../kernel/maybe-promise.js'

type Log = (fields: object, message?: string) => void

/** The part of pino's shape that Palisade uses: fields first, then a sentence. */
export interface Logger {
  readonly debug: Log
  readonly info: Log
  readonly warn: Log
  readonly error: Log
}

/** The default: errors and warnings reach the console, the rest is not written. */
export const consoleLogger: Logger = Object.freeze({
  debug() {},
  info() {},
  warn: (fields: object, message?: string) => console.warn(`palisade: ${message ?? ''}`, fields),
  error: (fields: object, message?: string) => console.error(`palisade: ${message ?? ''}`, fields),
})

/**
 * A logger of the team's, so that what it throws or rejects with stays its own: a log that fails
 * must not decide over what is logged.
 */
export function isolatedLogger(logger: Logger): Logger {
  const safely =
    (level: keyof Logger): Log =>
    (fields, message) => {
      try {
        const logged: unknown = logger[level](fields, message)
        if (isPromise(logged)) logged.then(undefined, () => {})
      } catch {
        // The logger itself failed: the error cannot be logged.
      }
    }
  return Object.freeze({
    debug: safely('debug'),
    info: safely('info'),
    warn: safely('warn'),
    error: safely('error'),
  })
}
