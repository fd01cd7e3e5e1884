import { createHmac, randomBytes } from 'node:crypto'
import type { Identity, RequestContext } from '@palisade/core/middleware'
import { LRUCache } from 'lru-cache'
import { BY } from './refusals.js'
import type { Strategy } from './strategy.js'

/**
 * The source of a violation: `auth` for a credential that proved nothing, `auth-throttled` for
 * going on after too many of those. The second is a source of its own, since that credential was
 * never verified: a team may count it in another jail, or not at all.
 */
export type ViolationSource = 'auth' | 'auth-throttled'

/** What went wrong, for events and the log; nothing of it reaches the client. */
export interface FailureReport {
  readonly strategy: Strategy | undefined
  readonly reason: string
  readonly subject?: string | undefined
  /** Which option would change it. */
  readonly hint?: string | undefined
  /** What was presented, the secret in it: a client that repeats it does not guess. */
  readonly presented?: string | undefined
  /** Absent when it does not speak against the client; always for a request without credentials. */
  readonly violation?: ViolationSource | undefined
}

const MOST_REMEMBERED = 10_000

/**
 * Emits the results of authentication: `auth:success`, `auth:failure` and `security:violation`.
 *
 * A client that repeats the same wrong credential is stuck, not guessing: its violation weighs
 * nothing, even if other clients behind the same address are stuck with theirs. Of a secret only an
 * HMAC under a key of this process is kept for that. In shadow mode there is no violation: a trial
 * bans no client.
 */
export class AuthEvents {
  readonly #isShadow: boolean
  /** Drawn on first use: some runtimes have no random values while modules load. */
  #key: Buffer | undefined
  readonly #tried = new LRUCache<string, true>({ max: MOST_REMEMBERED })

  /** Clients that failed lately, by their keys. */
  readonly #failed = new LRUCache<string, true>({ max: MOST_REMEMBERED })

  constructor(isShadow: boolean) {
    this.#isShadow = isShadow
  }

  failed(): Iterable<string> {
    return this.#failed.keys()
  }

  success(ctx: RequestContext, strategy: Strategy, identity: Identity): void {
    const { events } = ctx.services
    ctx.allowed(BY, strategy.name)
    if (!events.has('auth:success')) return
    const { requestId, method, path } = ctx
    events.emit('auth:success', { requestId, method, path, strategy: strategy.name, identity })
  }

  failure(ctx: RequestContext, report: FailureReport): void {
    const { events, logger } = ctx.services
    const { strategy, reason, subject, violation, hint } = report
    logger.debug(
      { strategy: strategy?.name, reason, ...(hint !== undefined && { hint }), request_id: ctx.requestId },
      'a request was not authenticated',
    )
    if (strategy !== undefined && ctx.client.key !== undefined) this.#failed.set(ctx.client.key, true)
    if (events.has('auth:failure')) {
      const { requestId, method, path, client } = ctx
      events.emit('auth:failure', {
        requestId,
        method,
        path,
        strategy: strategy?.name,
        reason,
        ip: client.ip,
        subject,
      })
    }
    if (violation !== undefined && !this.#isShadow && events.has('security:violation'))
      this.#violate(ctx, violation, report)
  }

  #violate(
    ctx: RequestContext,
    source: ViolationSource,
    { strategy, reason, subject, presented }: FailureReport,
  ): void {
    const { requestId, method, path, client } = ctx
    // A client without an address is never counted.
    if (client.key === undefined) return
    const isRepeated = presented !== undefined && this.#repeats(`${strategy?.name} ${client.key}`, presented)
    ctx.services.events.emit('security:violation', {
      source,
      weight: isRepeated ? 0 : 1,
      key: client.key,
      ip: client.ip,
      bannable: client.bannable,
      detail: { strategy: strategy?.name, reason, ...(subject !== undefined && { subject }) },
      requestId,
      method,
      path,
    })
  }

  #repeats(who: string, secret: string): boolean {
    this.#key ??= randomBytes(32)
    const tried = createHmac('sha256', this.#key).update(`${who.length} ${who} ${secret}`).digest('base64')
    if (this.#tried.get(tried) === true) return true
    this.#tried.set(tried, true)
    return false
  }
}
