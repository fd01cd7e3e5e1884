import type { Clock } from '@palisade/core/middleware'
import type { GuardedRedis, RedisKeys, RedisScript } from '@palisade/core/redis'
import { answerNever, type Taken, Tally } from '../../algorithms/algorithm.js'
import type { OwedRefunds } from '../../refunds/owed-refunds.js'
import type { Engine, PolicyKind } from '../store.js'
import { countingInRedis } from './counting-in-redis.js'
import type { RedisCounting } from './redis-counting.js'
import { consumeScript, type Found, type Part, refundScript } from './redis-scripts.js'
import type { ServerTime } from './redis-store.js'
import type { RefusalCache } from './refusal-cache.js'

/** A policy as Redis counts it. */
interface Counted extends Part {
  /** Begins its keys. A change of the way of counting or of the window begins anew, as the states mean something else then. */
  readonly layout: string
  readonly name: string
  readonly refund: RedisScript
}

/** Decides the policies of one limiter by one script and one round trip. */
export class RedisEngine implements Engine {
  readonly immediate = false
  private readonly guard: GuardedRedis
  private readonly keys: RedisKeys
  private readonly policies: readonly Counted[]
  private readonly cache: RefusalCache
  private readonly owed: OwedRefunds
  private readonly time: ServerTime
  private readonly script: RedisScript<Found>

  constructor(
    guard: GuardedRedis,
    keys: RedisKeys,
    policies: readonly PolicyKind[],
    cache: RefusalCache,
    owed: OwedRefunds,
    time: ServerTime,
  ) {
    this.guard = guard
    this.keys = keys
    this.cache = cache
    this.owed = owed
    this.time = time
    this.policies = policies.map(policy => {
      const counting = countingInRedis(policy)
      const { name, window } = policy
      const layout = `${counting.kind}${window}`
      return { name, window, counting, layout, refund: refundScript(counting, time.server) }
    })
    this.script = consumeScript(this.policies, time.server)
  }

  /** Redis has a time of its own; this one measures how long a refusal is remembered, and how old a receipt is. */
  now(clock: Clock): number {
    return Math.floor(clock.monotonic())
  }

  get available(): boolean {
    return this.guard.available
  }

  decide(
    tallies: readonly Tally[],
    now: number,
    late?: (taken: readonly Tally[]) => void,
  ): boolean | Promise<boolean> {
    // Before this attempt, which may be of who is owed. The probe of a server that failed is the attempt itself.
    if (!this.owed.isEmpty && this.guard.state === 'closed') this.owed.send(now)
    const keys: string[] = []
    const args: string[] = []
    // What can never fit is refused already: the states are still asked for, to answer what is left.
    const isHopeless = tallies.some(isNever)
    let isKnown = false
    for (let i = 0; i < tallies.length; i++) {
      const tally = tallies[i] as Tally
      const { hasCapacity } = (this.policies[i] as Counted).counting
      // A policy that does not apply is part of the script: it looks at a key that nobody can have.
      const { active } = tally
      const key = this.keyOf(i, active ? tally.key : '')
      tally.fits = true
      if (active && this.cache.answers(key, tally, now)) isKnown = true
      keys.push(key)
      args.push(active ? String(tally.limit) : '1', active && !isHopeless ? String(tally.cost) : '0')
      if (hasCapacity) args.push(active ? String(tally.capacity) : '1')
    }
    if (isKnown) return false
    if (this.time.argument !== undefined) args.push(this.time.argument())
    const asked = this.cache.moment
    return this.guard
      .run(this.script, keys, args, late && (found => this.tellLate(tallies, found, isHopeless, now, late)))
      .then(found => this.conclude(tallies, keys, found, isHopeless, now, asked))
  }

  refund(policy: number, key: string, taken: Taken, now: number): Promise<void> | undefined {
    if (!this.guard.available) {
      this.owed.add(later => void this.refund(policy, key, taken, later)?.catch(() => {}))
      return undefined
    }
    const { window, counting, refund } = this.policies[policy] as Counted
    const args = [window, taken.cost, ...counting.refundArgs(taken, now)].map(String)
    if (this.time.argument !== undefined) args.push(this.time.argument())
    const id = this.keyOf(policy, key)
    this.cache.forget(id)
    return this.guard.run(refund, [id], args).then(() => undefined)
  }

  async reset(key: string): Promise<void> {
    const keys = this.policies.map((_, i) => this.keyOf(i, key))
    for (const one of keys) this.cache.forget(one)
    await this.guard.send(['DEL', ...keys], keys[0])
  }

  /** Fills the answers with the functions that also answer in memory, from the states that the script found. */
  private conclude(
    tallies: readonly Tally[],
    keys: readonly string[],
    found: Found,
    isHopeless: boolean,
    now: number,
    asked: number,
  ): boolean {
    const allowed = this.fill(tallies, found, isHopeless, now)
    for (let i = 0; i < tallies.length; i++) {
      const tally = tallies[i] as Tally
      if (tally.active && !tally.fits) this.cache.remember(keys[i] as string, tally, now, asked)
    }
    return allowed
  }

  /** The attempt was decided without Redis, and has its tallies from there. */
  private tellLate(
    tallies: readonly Tally[],
    found: Found,
    isHopeless: boolean,
    now: number,
    late: (taken: readonly Tally[]) => void,
  ): void {
    const taken = tallies.map(tally =>
      Object.assign(new Tally(tally.window), tally, { isLocal: false, late: undefined }),
    )
    if (this.fill(taken, found, isHopeless, now)) late(taken)
  }

  private fill(
    tallies: readonly Tally[],
    { allowed, states }: Found,
    isHopeless: boolean,
    now: number,
  ): boolean {
    let at = 0
    for (let i = 0; i < tallies.length; i++) {
      const tally = tallies[i] as Tally
      const { counting } = this.policies[i] as Counted
      if (tally.active) {
        const state = states.slice(at, at + counting.width)
        answer(tally, counting, state, allowed && !isHopeless && tally.cost > 0, now)
      }
      at += counting.width
    }
    return allowed && !isHopeless
  }

  private keyOf(policy: number, key: string): string {
    const { name, layout } = this.policies[policy] as Counted
    return this.keys(name, layout, key)
  }
}

function answer(
  tally: Tally,
  counting: RedisCounting,
  state: readonly number[],
  takes: boolean,
  now: number,
): void {
  tally.delayMs = 0
  const fits = counting.answer(tally, state, takes, now)
  tally.fits = fits && !isNever(tally)
  if (tally.limit === 0) answerNever(tally)
  if (tally.fits) tally.retryMs = 0
  else if (isNever(tally)) tally.retryMs = Number.POSITIVE_INFINITY
}

/** Refused for ever, whatever was counted. */
function isNever({ active, limit, cost, capacity }: Tally): boolean {
  return active && (limit === 0 || cost > capacity)
}
