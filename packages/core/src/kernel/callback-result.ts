import { isPromise } from './maybe-promise.js'

/**
 * The error for a team's callback that returned a value of the wrong type. Throw it: the request is
 * then refused, or stays counted. A promise that came where none is allowed is observed first,
 * because its rejection would end the process.
 *
 * @param callback the name of the option, as in `skip`
 * @param allowed the end of a sentence that begins with "allowed:"
 */
export function wrongResult(callback: string, value: unknown, allowed: string): TypeError {
  return new TypeError(`${callback} returned ${kindOf(value)}; allowed: ${allowed}`)
}

/**
 * What a callback decided, for callbacks that must answer `true` or `false` at once.
 *
 * @throws TypeError for every other value, promises and truthy values included
 */
export function booleanResult(callback: string, value: unknown): boolean {
  if (value === true || value === false) return value
  throw wrongResult(callback, value, 'true or false')
}

/**
 * Marks a promise as handled. Every other value is left alone, also one that cannot be inspected.
 */
export function ignoreRejection(value: unknown): void {
  try {
    if (isPromise(value)) value.then(undefined, () => {})
  } catch {
    // A revoked Proxy, or a `then` that throws: no promise, so nothing can be rejected.
  }
}

/**
 * The type of a value in words, for a message. It does not contain the value, which may be a
 * secret.
 */
function kindOf(value: unknown): string {
  if (value === null) return 'null'
  ignoreRejection(value)
  try {
    if (isPromise(value)) return 'a promise'
    if (Array.isArray(value)) return 'an array'
  } catch {
    return 'an object that cannot be inspected'
  }
  return Number.isNaN(value) ? 'NaN' : typeof value
}
