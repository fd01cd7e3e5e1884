import { type Decision, isPromise } from '@palisade/core/middleware'
import { forbidden } from '../decision.js'

/** What a record may say of whose it is. */
export type RecordId = string | number | bigint | null | undefined

/**
 * Tells whether a record's id is that of the caller. One that is absent or empty, on either side, is nobody's, and that is no answer: two things
 * unset are never the same, nor does `not` make a yes of it.
 *
 * @returns a function that throws a TypeError for what is no id, a promise above all
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
    // Nobody waits for it, and its rejection would end the process.
    if (isPromise(id)) id.then(undefined, () => {})
    throw new TypeError(
      `${guard}: the id in the record is ${typeof id === 'number' ? 'no whole number' : `of type ${typeof id}`}; allowed: a string, a whole number or nothing`,
    )
  }
}
