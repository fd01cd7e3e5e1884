import type { RequestContext } from '@palisade/core/middleware'
import { BAN, isSource } from '../jails/jail.js'

export interface ViolationOptions {
  /** What kind it is: a word that a jail names in `sources`. */
  source: string
  /** How much it counts: a whole number from 0 (seen, not counted) to 10,000. Default 1. */
  weight?: number
  /**
   * Counted at most once for a client within the window of a jail, together with all others of
   * which that is said. For requests that a page of another site can make a browser send, such as
   * an image at a path that is a trap. Default false.
   */
  once?: boolean
  /** For logs and listeners; never shown to the client. */
  detail?: Readonly<Record<string, unknown>>
}

/**
 * Counts a violation of this request's client that only the team can see, such as a honeypot field
 * that was filled in. Every `failban()` of the pipeline counts it. A client without an address is
 * never counted.
 *
 *     violation(ctx, { source: 'honeypot', weight: 5 })
 *
 * @throws TypeError if the source or weight is invalid; inside a middleware that is a 500
 */
export function violation(
  ctx: Pick<RequestContext, 'client' | 'services' | 'requestId' | 'method' | 'path'>,
  { source, weight = 1, once = false, detail }: ViolationOptions,
): void {
  if (!isSource(source) || source === BAN)
    throw new TypeError(
      'violation: the source must be a word of letters, digits and _.:-, other than "ban" and "manual"',
    )
  if (!Number.isSafeInteger(weight) || weight < 0 || weight > 10_000)
    throw new TypeError('violation: the weight must be a whole number from 0 to 10000')
  if (typeof once !== 'boolean') throw new TypeError('violation: once must be true or false')
  const { client, services } = ctx
  if (client.key === undefined || !services.events.has('security:violation')) return
  const { requestId, method, path } = ctx
  services.events.emit('security:violation', {
    source,
    weight,
    key: client.key,
    ip: client.ip,
    bannable: client.bannable,
    ...(once && { once }),
    ...(detail !== undefined && { detail }),
    requestId,
    method,
    path,
  })
}
