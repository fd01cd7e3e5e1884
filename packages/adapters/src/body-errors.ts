import { RequestError } from '@palisade/core'

/** The faults of reading a body, the same on every host. */

export const alreadyRead = () =>
  new Error(
    'the body was already read by something mounted earlier; mount Palisade in front of the body parsers',
  )

export const tooLarge = (limit: number) => new RequestError(413, `The request body is over ${limit} bytes`)

export const tooSlow = (timeoutMs: number) =>
  new RequestError(408, `The request body did not arrive within ${timeoutMs} ms`)

export const endedEarly = (cause: unknown) => new RequestError(400, 'The request body ended early', { cause })

/** @throws RangeError for a limit that bounds nothing */
export function checkLimit(limit: number): void {
  if (!(limit >= 0))
    throw new RangeError(`the limit of a body is ${limit}; allowed: a number of bytes from 0`)
}
