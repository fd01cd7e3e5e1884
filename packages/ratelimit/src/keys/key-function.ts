import { ignoreRejection, type RequestContext, wrongResult } from '@palisade/core/middleware'

/**
 * Who or what an attempt is counted for. `false` leaves the request uncounted; nothing
 * (`undefined`, `null`, an empty string) means that the request lacks what it is counted by, and
 * `whenKeyMissing` says what happens then.
 */
export type KeyFunction<State extends object = {}> = (
  ctx: RequestContext<State>,
) => string | false | undefined | null

/** Where a composed key function has those it is composed of. */
export const PARTS: unique symbol = Symbol('parts')

export interface ComposedKey<State extends object> extends KeyFunction<State> {
  readonly [PARTS]: readonly KeyFunction<State>[]
}

/**
 * Whether a request is counted for its client alone: the key is the client's own, or is composed
 * with it. Under any other key a client may be refused for requests of other clients.
 */
export function isClientsOwn<State extends object>(
  key: KeyFunction<State>,
  ctx: RequestContext<State>,
): boolean {
  const { [PARTS]: parts } = key as Partial<ComposedKey<State>>
  if (parts !== undefined) return parts.some(part => isClientsOwn(part, ctx))
  if (ctx.client.key === undefined) return false
  const found: unknown = key(ctx)
  if (found === ctx.client.key) return true
  // The function returned a key a moment ago; what it returns now must not end the process.
  ignoreRejection(found)
  return false
}

/**
 * @throws TypeError for a value that is neither a key nor the absence of one: a promise, a number
 */
export function requireKeyless(key: unknown): asserts key is '' | false | undefined | null {
  if (key === '' || key === false || key === undefined || key === null) return
  throw wrongResult('key', key, 'a string, false, or nothing, and no promise of them')
}
