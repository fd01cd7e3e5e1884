import type { Reply, RequestContext } from '@palisade/core/middleware'
import type { HeldBan } from './bans/held-ban.js'
import type { BanRegistry } from './bans/registry.js'
import { Exemptions } from './exemptions.js'
import type { AccessLists } from './lists/access-lists.js'
import type { CheckedFailban } from './options.js'
import { FAILBAN } from './sources/responses.js'

/** Decides about requests: refuses clients that are banned or on the deny list. */
export class Refusals {
  /** How many requests were refused, or would have been in shadow mode. */
  count = 0
  readonly exemptions = new Exemptions()
  readonly #options: Pick<CheckedFailban, 'mode' | 'status' | 'explain'>
  readonly #lists: AccessLists
  readonly #registry: BanRegistry

  constructor(
    options: Pick<CheckedFailban, 'mode' | 'status' | 'explain'>,
    lists: AccessLists,
    registry: BanRegistry,
  ) {
    this.#options = options
    this.#lists = lists
    this.#registry = registry
  }

  of(ctx: RequestContext): Reply | undefined {
    const { client } = ctx
    const { ip } = client
    if (ip === undefined) return this.#allow(ctx)
    const found = this.#registry.ledger.of(client)
    // Read once, and for banned clients only.
    const now = found === undefined ? 0 : this.#registry.clock.monotonic()
    const ban = found?.isOver(now) ? this.#registry.of(client, now) : found
    const { deny } = this.#lists
    const isDenied = deny.size !== 0 && deny.hasClient(client)
    if ((ban === undefined && !isDenied) || this.#passes(ctx, ip, isDenied)) return this.#allow(ctx)
    return this.#refuse(ctx, isDenied, ban, now)
  }

  #allow(ctx: RequestContext): undefined {
    ctx.allowed(FAILBAN)
  }

  /** A client that is banned or on the deny list, and passes all the same. */
  #passes(ctx: RequestContext, ip: string, isDenied: boolean): boolean {
    return this.#isAllowed(ctx, ip, isDenied) || (!isDenied && this.exemptions.has(ctx.services, ctx.path))
  }

  #refuse(ctx: RequestContext, isDenied: boolean, ban: HeldBan | undefined, now: number): Reply | undefined {
    this.count++
    const { status, explain, mode } = this.#options
    const refusal = {
      status,
      code: status === 429 ? 'RATE_LIMITED' : 'FORBIDDEN',
      message: 'Access denied',
      headers: { 'Cache-Control': 'no-store' },
      by: FAILBAN,
    } as const
    if (isDenied || ban === undefined)
      return ctx.deny({ ...refusal, reason: 'on the deny list', rule: 'deny' }, mode)
    const { jail, reason, permanent } = ban.record
    const seconds = Math.max(1, Math.ceil((ban.endsAt - now) / 1000))
    const denial = {
      ...refusal,
      ...(!permanent && { retryAfterSeconds: seconds }),
      ...(explain && { details: { reason, expires_at: this.#registry.recordOf(ban).expiresAt } }),
      reason: `banned by jail "${jail}": ${reason}`,
      rule: jail,
    }
    return ctx.deny(denial, mode)
  }

  /**
   * The lists open for verified addresses only. A proxy of ours, or this machine, is still not held
   * to a ban, so that a health check which a proxy makes itself passes; a deny list refuses it.
   */
  #isAllowed({ client, services }: RequestContext, ip: string, isDenied: boolean): boolean {
    if (client.bannable) return this.#lists.allows(ip, services.clock)
    return !isDenied && this.#lists.isOurs(ip, services.clock)
  }
}
