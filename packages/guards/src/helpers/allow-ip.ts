import {
  type AddressRange,
  type CidrSet,
  type ClientAddress,
  checkOptions,
  cidrs,
  flag,
  optional,
  refuse,
} from '@palisade/core/middleware'
import { ALLOW, forbidden } from '../decision.js'
import { type NamedGuard, withFacts } from '../named-guard.js'

export interface AllowIpOptions {
  /**
   * Also accepts an address that is only the last one that could be verified: a trusted proxy that
   * named no client, or a chain that broke off. Default false, since every client of that proxy has
   * its address.
   */
  unverified?: boolean
}

/** What a guard reads that asks where a request comes from. */
export interface Located {
  readonly client: ClientAddress
}

/**
 * Requires that the client's address, as the pipeline's `trust` found it, is in one of the ranges.
 * Needs no identity.
 *
 * An address is where a packet came from, not who sent it: use it beside an identity, not instead.
 * Refuses a client without an address, or with one that was not verified to its end.
 *
 *     allowIp(['10.0.0.0/8', '2001:db8::/32'])
 *
 * @throws ConfigError for an invalid range, and for an empty list, which would refuse every client
 */
export function allowIp(
  ranges: readonly AddressRange[] | CidrSet,
  options: AllowIpOptions = {},
): NamedGuard<Located> {
  const owner = 'allowIp'
  const at = { owner, option: 'ranges' }
  const allowed = cidrs(ranges, at)
  if (allowed.size === 0) refuse(at, ranges, 'at least one range')
  const { unverified } = checkOptions(owner, options, { unverified: optional(flag, false) })
  const unknown = forbidden('the client has no address', { undecided: true })
  const unsure = forbidden('the address of the client could not be verified to its end', { undecided: true })
  // It is listed only as the IPv4 address that it has elsewhere: not let in by that, nor by its
  // negation.
  const translated = forbidden('the address is listed, and came through a translator', { undecided: true })

  return withFacts(
    (ctx: Located) => {
      const { ip, bannable } = ctx.client
      if (ip === undefined) return unknown
      if (!bannable && !unverified) return unsure
      if (allowed.has(ip)) return ALLOW
      return allowed.hasClient(ctx.client) ? translated : forbidden(`the address ${ip} is not in the ranges`)
    },
    { name: owner, needs: [] },
  )
}
