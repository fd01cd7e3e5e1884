import type { ClientAddress, LimitHeaders, QuotaState, RequestContext } from '@palisade/core/middleware'
import type { Attempt } from '../strategy.js'
import type { RefusedClients } from './refused-clients.js'

/** Made for each request with a credential: what it does not need is not looked up. */
export class RequestAttempt implements Attempt {
  readonly #ctx: RequestContext
  readonly #strategy: string
  readonly #refused: RefusedClients
  readonly #isShadow: boolean
  readonly now: number
  readonly monotonic: number

  constructor(ctx: RequestContext, strategy: string, refused: RefusedClients, isShadow: boolean) {
    this.#ctx = ctx
    this.#strategy = strategy
    this.#refused = refused
    this.#isShadow = isShadow
    this.now = ctx.services.clock.now()
    this.monotonic = ctx.startedAt
  }

  get isThrottled(): boolean {
    const { key } = this.#ctx.client
    return key !== undefined && this.#refused.has(this.#strategy, key, this.monotonic)
  }

  get client(): ClientAddress {
    return this.#ctx.client
  }

  get signal(): AbortSignal {
    return this.#ctx.signal
  }

  tellLimits(headers: LimitHeaders, states: readonly QuotaState[], allowed: boolean): void {
    if (!this.#isShadow) headers.write(this.#ctx, states, allowed)
  }
}
