import type { Denial } from '../contract/denial.js'
import { refusalOf } from './statuses.js'

/** What a request is refused with whose refusal was none. */
export const MISTAKE: Denial = Object.freeze(refusalOf(500))

/**
 * Whether it refuses, and says so to a program and to a person. A 200 sent by mistake would look as
 * if all were well.
 *
 * @throws RangeError
 */
export function checkDenial(denial: Partial<Denial> | null | undefined): void {
  if (typeof denial !== 'object' || denial === null)
    throw wrong('denial', denial, 'an object with status, code and message')
  const { status, code, message, retryAfterSeconds } = denial
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 400 || status > 599)
    throw wrong('status', status, 'a whole number from 400 to 599')
  if (typeof code !== 'string' || code === '')
    throw wrong('code', code, 'a stable word for programs, such as "FORBIDDEN"')
  if (typeof message !== 'string') throw wrong('message', message, 'a text that a stranger may read')
  if (retryAfterSeconds !== undefined && !(Number.isSafeInteger(retryAfterSeconds) && retryAfterSeconds >= 0))
    throw wrong('retryAfterSeconds', retryAfterSeconds, 'whole seconds from 0')
}

function wrong(what: string, value: unknown, allowed: string): RangeError {
  return new RangeError(`ctx.deny: the ${what} is ${String(value)}; allowed: ${allowed}`)
}
