import { isPromise } from '@palisade/core'

/** What a record may say of whose it is. */
export type RecordId = string | number | bigint | null | undefined

/**
 * Whether a record's id is that of the caller. An id that is absent or empty is nobody's, so that two things unset are never the same.
 *
 * @throws TypeError for what is no id, a promise above all
 */
export function isSameId(guard: string, id: unknown, mine: string): boolean {
  if (id === null || id === undefined || id === '') return false
  if (typeof id === 'string') return id === mine
  if (typeof id === 'bigint' || (typeof id === 'number' && Number.isSafeInteger(id)))
    return String(id) === mine
  // Nobody waits for it, and its rejection would end the process.
  if (isPromise(id)) id.then(undefined, () => {})
  throw new TypeError(
    `${guard}: the id in the record is ${typeof id === 'number' ? 'no whole number' : `of type ${typeof id}`}; allowed: a string, a whole number or nothing`,
  )
}
