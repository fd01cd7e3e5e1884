import { type Decision, isPromise } from '@palisade/core/middleware'
import { forbidden } from '../decision.js'

/** What a record may say of whose it is. */
export type RecordId = string | number | bigint | null | undefined

/**
 * Whether a record's id is that of the caller. An id that is absent or empty, on either side,
 * leaves the guard undecided: two unset ids are never the same, nor does `not` turn that into a
 * yes.
 *
 * @returns a function that throws a TypeError for an invalid id, a promise above all
 */
export function sameId(guard: string): (id: unknown, mine: unknown) => Decision | boolean {
  const unset = forbidden(`${guard}: the record does not say whose it is`, { undecided: true })
  const nobody = forbidden(`${guard}: the caller has no id`, { undecided: true })

  return (id, mine) => {
    if (typeof mine !== 'string' || mine === '') return nobody
    if (id === null || id === undefined || id === '') return unset
    if (typeof id === 'string') return id === mine
    if (typeof id === 'bigint' || (typeof id === 'number' && Number.isSafeInteger(id)))
      return String(id) === mine
    // No code awaits it, and its rejection would end the process.
    if (isPromise(id)) id.then(undefined, () => {})
    throw new TypeError(
      `${guard}: the id in the record is ${typeof id === 'number' ? 'no whole number' : `of type ${typeof id}`}; allowed: a string, a whole number or nothing`,
    )
  }
}
