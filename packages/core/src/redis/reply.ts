/** A reply that is a list of exactly so many, or of any number. @throws TypeError when it is not */
export function replyList(reply: unknown, length?: number): readonly unknown[] {
  if (!Array.isArray(reply) || (length !== undefined && reply.length !== length))
    throw new TypeError(`expected a list${length === undefined ? '' : ` of ${length}`}`)
  return reply
}

/**
 * A whole number, sent as an integer or as its digits (the two clients, their options and the
 * scripts differ). Beyond 2^53 it is refused rather than rounded.
 *
 * @throws TypeError when it is not
 */
export function replyInteger(reply: unknown): number {
  const number = typeof reply === 'string' && /^-?\d{1,16}$/.test(reply) ? Number(reply) : reply
  if (!Number.isSafeInteger(number)) throw new TypeError('expected a whole number')
  return number as number
}

/** A text. @throws TypeError when it is not */
export function replyText(reply: unknown): string {
  if (typeof reply !== 'string') throw new TypeError('expected a text')
  return reply
}
