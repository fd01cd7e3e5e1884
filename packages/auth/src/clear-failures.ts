import { directPeer } from '@palisade/core'
import {
  CidrSet,
  canonicalCidr,
  canonicalIp,
  type Limiter,
  type MaybePromise,
  type Services,
  type Trust,
} from '@palisade/core/middleware'
import { inBatches } from './api-key/in-batches.js'
import type { RefusedClients } from './attempts/refused-clients.js'
import type { Throttles } from './attempts/throttle.js'
import type { Strategy, Suspect } from './strategy.js'

/** What `createLimiter` of `@palisade/ratelimit` has beside a `Limiter`. */
type Resettable = Limiter & { reset(key: string): MaybePromise<void> }

/** Where an `authenticate()` keeps them, for `clearFailures`. */
export const FAILURES: unique symbol = Symbol('failures')

/**
 * Forgets what is held against a client (by all throttles, and its lockouts) or against an account
 * (its lockouts, from everywhere): for the help desk, and for `security:unbanned` with the cause
 * `manual` or `allow`. Lockouts are each process's own; so are limiters without a shared store.
 *
 *     const login = authenticate({ ... })
 *     await clearFailures(login, { client: '203.0.113.9' })
 *     await clearFailures(login, { account: 'ada' })
 *
 * Of a network, as a ban of one is lifted, everybody in it whose failure this process has seen is
 * forgotten; it remembers 10,000 clients.
 *
 * @param login what `authenticate()` returned
 * @param suspect `client`: an address in any notation, a client key or a network; `account`: a
 * user's name as it is typed
 * @throws TypeError for anything else, and when a limiter in `throttle` has no `reset(key)`; then
 * nothing was cleared
 * @throws RangeError for a client that is no address and no network, or a network with host bits
 */
export async function clearFailures(login: object, suspect: Suspect): Promise<void> {
  const failures = (login as Clearable | undefined)?.[FAILURES]
  if (!(failures instanceof Failures))
    throw new TypeError('clearFailures: the first argument must be what authenticate() returned')
  await failures.clear(suspect)
}

interface Clearable {
  readonly [FAILURES]?: Failures
}

/** What the throttles and strategies of one middleware hold against clients and accounts. */
export class Failures {
  readonly #strategies: readonly Strategy[]
  readonly #throttles: Throttles
  readonly #refused: RefusedClients
  /** The keys of clients that failed, since a limiter finds none by its network. */
  readonly #failed: () => Iterable<string>
  /** Of the pipelines that this is part of: they say how much of an address is a client. */
  readonly #trusts = new Set<Trust>()

  constructor(
    strategies: readonly Strategy[],
    throttles: Throttles,
    refused: RefusedClients,
    failed: () => Iterable<string>,
  ) {
    this.#strategies = strategies
    this.#throttles = throttles
    this.#refused = refused
    this.#failed = failed
  }

  learn({ trust }: Services): void {
    this.#trusts.add(trust)
  }

  /** @throws TypeError, RangeError */
  async clear(suspect: Suspect): Promise<void> {
    const [name, ...more] = Object.keys(suspect ?? {}).filter(
      key => suspect[key as keyof Suspect] !== undefined,
    )
    const value: unknown = suspect?.[name as keyof Suspect]
    if (more.length > 0 || (name !== 'client' && name !== 'account') || typeof value !== 'string')
      throw new TypeError('clearFailures: needed is either { client } or { account }')
    if (name === 'client') return this.#clearClient(value)
    if (value === '') throw new TypeError('clearFailures: the account is empty; needed is the name of a user')
    await Promise.all(this.#strategies.map(strategy => strategy.clear?.({ account: value })))
  }

  async #clearClient(client: string): Promise<void> {
    const limiters = [...new Set(this.#throttles.values())]
    const stuck = limiters.find(limiter => !isResettable(limiter))
    if (stuck !== undefined) {
      const [name] = [...this.#throttles].find(([, limiter]) => limiter === stuck) as [string, Limiter]
      throw new TypeError(`clearFailures: the limiter of throttle.${name} has no method reset(key)`)
    }
    await inBatches(this.#keysOf(client), async key => {
      this.#refused.forget(key)
      await Promise.all([
        ...(limiters as Resettable[]).map(limiter => limiter.reset(key)),
        ...this.#strategies.map(strategy => strategy.clear?.({ client: key })),
      ])
    })
  }

  /**
   * The keys by which requests from there are counted: mostly one, and of a network those that are
   * known.
   */
  #keysOf(client: string): readonly string[] {
    if (!client.includes('/')) return this.#keysOfAddress(client, client)
    const network = canonicalCidr(client)
    if (network === undefined) throw nonsense(client)
    const inside = new CidrSet([network])
    // It may be a client key itself, or one address, of which nothing need be known here.
    const own = this.#keysOfAddress(network.slice(0, network.indexOf('/')), client)
    return [...new Set([...own, ...this.#failed()])].filter(key => inside.covers(key))
  }

  #keysOfAddress(address: string, client: string): readonly string[] {
    const ip = canonicalIp(address)
    if (ip === undefined) throw nonsense(client)
    const trusts = this.#trusts.size === 0 ? [directPeer()] : [...this.#trusts]
    return [...new Set(trusts.map(trust => trust.resolve(ip, undefined).key))].filter(
      key => key !== undefined,
    )
  }
}

const nonsense = (client: string) =>
  new RangeError(
    `clearFailures: the client is ${JSON.stringify(client)}; allowed: an address, or a network without host bits`,
  )

function isResettable(limiter: Limiter): limiter is Resettable {
  return typeof (limiter as Partial<Resettable>).reset === 'function'
}
