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
