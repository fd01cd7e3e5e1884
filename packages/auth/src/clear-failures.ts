import {
  canonicalIp,
  directPeer,
  type Limiter,
  type MaybePromise,
  type Services,
  type Trust,
} from '@palisade/core'
import type { Strategy, Suspect } from './strategy.js'
import type { RefusedClients, Throttles } from './throttle.js'

/** What `createLimiter` of `@palisade/ratelimit` has beside a `Limiter`. */
type Resettable = Limiter & { reset(key: string): MaybePromise<void> }

const FAILURES = Symbol('failures')

/**
 * Forgets what is held against a client (by all throttles, and its lockouts) or against an account (its lockouts, from everywhere): for
 * the help desk, and for `security:unbanned`. Lockouts are each process's own; so are limiters without a shared store.
 *
 *     const login = authenticate({ ... })
 *     await clearFailures(login, { client: '203.0.113.9' })
 *     await clearFailures(login, { account: 'ada' })
 *
 * @param login what `authenticate()` returned
 * @param suspect `client`: an address in any notation, or a client key; `account`: a user's name as it is typed
 * @throws TypeError for anything else, and when a limiter in `throttle` has no `reset(key)`; then nothing was cleared
 * @throws RangeError for a client that is no address and no client key
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

/** Lets `clearFailures` find them. In no type, since a middleware with more to it would not tell a pipeline what it gives. */
export function clearable<M extends object>(failures: Failures, middleware: M): M {
  return Object.assign(middleware, { [FAILURES]: failures })
}

/** What the throttles and strategies of one middleware hold against clients and accounts. */
export class Failures {
  readonly #strategies: readonly Strategy[]
  readonly #throttles: Throttles
  readonly #refused: RefusedClients
  /** Of the pipelines that this is part of: they say how much of an address is a client. */
  readonly #trusts: Trust[] = []

  constructor(strategies: readonly Strategy[], throttles: Throttles, refused: RefusedClients) {
    this.#strategies = strategies
    this.#throttles = throttles
    this.#refused = refused
  }

  learn({ trust }: Services): void {
    this.#trusts.push(trust)
  }

  /** @throws TypeError, RangeError */
  async clear(suspect: Suspect): Promise<void> {
    const { client, account } = suspect ?? {}
    const isOne = (client === undefined) !== (account === undefined)
    if (!isOne || typeof (client ?? account) !== 'string')
      throw new TypeError('clearFailures: needed is either { client } or { account }')
    const cleared =
      client === undefined
        ? this.#strategies.map(strategy => strategy.clear?.({ account: account as string }))
        : this.#clearClient(client)
    await Promise.all(cleared)
  }

  #clearClient(client: string): MaybePromise<void>[] {
    const limiters = [...new Set(this.#throttles.values())]
    const stuck = limiters.find(limiter => !isResettable(limiter))
    if (stuck !== undefined) {
      const [name] = [...this.#throttles].find(([, limiter]) => limiter === stuck) as [string, Limiter]
      throw new TypeError(`clearFailures: the limiter of throttle.${name} has no method reset(key)`)
    }
    const keys = this.#keysOf(client)
    for (const key of keys) this.#refused.forget(key)
    return keys.flatMap(key => [
      ...(limiters as Resettable[]).map(limiter => limiter.reset(key)),
      ...this.#strategies.map(strategy => strategy.clear?.({ client: key }) as MaybePromise<void>),
    ])
  }

  /** The keys by which requests from there are counted: mostly one. */
  #keysOf(client: string): readonly string[] {
    const ip = canonicalIp(client) ?? canonicalIp(client.slice(0, Math.max(0, client.indexOf('/'))))
    const trusts = this.#trusts.length === 0 ? [directPeer()] : this.#trusts
    const keys = new Set(trusts.map(trust => trust.resolve(ip, undefined).key))
    const isKey = !client.includes('/') || keys.has(client)
    if (ip === undefined || !isKey)
      throw new RangeError(
        `clearFailures: the client is ${JSON.stringify(client)}; allowed: an address or a client key`,
      )
    return [...keys].filter(key => key !== undefined)
  }
}

function isResettable(limiter: Limiter): limiter is Resettable {
  return typeof (limiter as Partial<Resettable>).reset === 'function'
}
