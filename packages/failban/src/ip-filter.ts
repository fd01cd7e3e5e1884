import {
  alsoCalled,
  type ClientAddress,
  ConfigError,
  callback,
  canonicalIp,
  checkOptions,
  cidrs,
  clientKey,
  type Denial,
  isPromise,
  type Middleware,
  mode,
  optional,
  type RequestContext,
} from '@palisade/core/middleware'
import type { RangeList } from './lists/access-lists.js'
import { IP_FILTER } from './sources/responses.js'

export interface IpFilterOptions<State extends object = {}> {
  /** Only these pass. Default: everybody. */
  allow?: RangeList
  /** The same as `allow`. */
  whitelist?: RangeList
  /** These do not pass, even where `allow` has them: `allow` a network, `deny` a part of it. */
  deny?: RangeList
  /** The same as `deny`. */
  blacklist?: RangeList
  /** The address that is looked up. Default: the client's, by the pipeline's trust. */
  key?: (ctx: RequestContext<State>) => string | undefined
  /** `shadow` lets every request pass and emits the event of its decision. Default `enforce`. */
  mode?: 'enforce' | 'shadow'
}

/**
 * Lets requests through by their address, with 403 for the others: an admin area for the office
 * network, a site without one country.
 *
 * It is as good as the pipeline's `trust`. Fails closed: with `allow`, a request without an
 * address, or whose address is not verified (a trusted proxy that did not say whom it speaks for),
 * does not pass. With `deny` alone it passes: nothing speaks against it.
 *
 *     edge.branch().use(ipFilter({ allow: ['10.0.0.0/8', '2001:db8::/32'] }))
 *
 * @throws ConfigError for a wrong or unknown option, or without a list
 */
export function ipFilter<State extends object = {}>(options: IpFilterOptions<State>): Middleware<State> {
  const {
    allow,
    deny,
    key,
    mode: how,
  } = checkOptions('ipFilter', options, {
    allow: alsoCalled('whitelist', optional(cidrs)),
    deny: alsoCalled('blacklist', optional(cidrs)),
    key: optional(callback<(ctx: RequestContext<State>) => string | undefined>()),
    mode,
  })
  if (allow === undefined && deny === undefined)
    throw new ConfigError({
      owner: 'ipFilter',
      option: 'allow',
      allowed: 'at least one of "allow" and "deny"',
    })

  return {
    name: IP_FILTER,
    onRequest(ctx) {
      const fault = faultOf(ctx)
      if (fault !== undefined) return ctx.deny({ ...REFUSAL, ...fault }, how)
      ctx.allowed(IP_FILTER)
      return undefined
    },
  }

  function faultOf(ctx: RequestContext<State>): Fault | undefined {
    const client = key === undefined ? ctx.client : named(key(ctx), ctx.client)
    if (client.ip === undefined) return allow === undefined ? undefined : NO_ADDRESS
    if (deny?.hasClient(client)) return DENIED
    if (allow === undefined || allow.admits(client)) return undefined
    return client.bannable ? NOT_ALLOWED : UNVERIFIED
  }
}

/** Which list refuses, and why. */
interface Fault {
  readonly rule: 'allow' | 'deny'
  readonly reason: string
}

const NO_ADDRESS: Fault = { rule: 'allow', reason: 'no address' }
const NOT_ALLOWED: Fault = { rule: 'allow', reason: 'not on the allow list' }
const UNVERIFIED: Fault = { rule: 'allow', reason: 'the address is not verified' }
const DENIED: Fault = { rule: 'deny', reason: 'on the deny list' }

const REFUSAL: Denial = {
  status: 403,
  code: 'FORBIDDEN',
  message: 'Access denied',
  headers: { 'Cache-Control': 'no-store' },
  by: IP_FILTER,
}

/**
 * The address that a team's `key` named. Another address than the client's is verified by the team.
 *
 * @throws TypeError for any value but text and `undefined`, a promise above all
 */
function named(ip: unknown, client: ClientAddress): ClientAddress {
  if (ip === undefined) return { ip, key: undefined, bannable: false }
  if (typeof ip === 'string') {
    const isOther = client.ip === undefined || canonicalIp(ip) !== client.ip
    return { ip, key: clientKey(ip), bannable: isOther || client.bannable }
  }
  // No code awaits it, and its rejection would end the process.
  if (isPromise(ip)) ip.then(undefined, () => {})
  throw new TypeError(`ipFilter: the key is of type ${typeof ip}; allowed: an address as text, or undefined`)
}
