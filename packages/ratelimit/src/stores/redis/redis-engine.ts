import type { Clock } from '@palisade/core/middleware'
import type { GuardedRedis, RedisKeys, RedisScript } from '@palisade/core/redis'
import { redisCountingOf } from '../../algorithms/index.js'
import { Attempt, type LimitCharge } from '../../counting/attempt.js'
import { KeyState } from '../../counting/engine.js'
import type { OwedRefunds } from '../../refunds/owed-refunds.js'
import type { LimitEngine, PolicyKind } from '../store.js'
import {
  consumeScript,
  type Found,
  type ScriptPart,
  type ServerTime,
  settleScript,
  takenArguments,
} from './redis-scripts.js'
import type { RefusalCache } from './refusal-cache.js'

/** A policy as Redis counts it. */
interface RedisPolicy extends ScriptPart {
  /**
   * Begins its keys. A change of the way of counting or of the window begins anew, as the states
   * mean something else then.
   */
  readonly layout: string
  readonly name: string
  readonly maxLimit: number
  readonly refund: RedisScript
  readonly charge: RedisScript
  /** Where the answers are made. */
  readonly found: KeyState
}

/** One decision on its way to Redis. */
interface Asked {
  readonly attempts: readonly Attempt[]
  readonly keys: readonly string[]
  /** Whether a policy refuses whatever was counted. */
  readonly isHopeless: boolean
  readonly now: number
  /** The moment of the cache of refusals. */
  readonly cachedAt: number
}

/** Decides the policies of one limiter by one script and one round trip. */
export class RedisEngine implements LimitEngine {
  readonly immediate = false
  private readonly guard: GuardedRedis
  private readonly keys: RedisKeys
  private readonly policies: readonly RedisPolicy[]
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
    this.policies = policies.map(policy => policyIn(policy, time))
    this.script = consumeScript(this.policies, time.server)
  }

  /**
   * Redis has a time of its own; this one measures how long a refusal is remembered, and how old a
   * receipt is.
   */
  now(clock: Clock): number {
    return Math.floor(clock.monotonic())
  }

  get available(): boolean {
    return this.guard.available
  }

  decide(
    attempts: readonly Attempt[],
    now: number,
    late?: (taken: readonly Attempt[]) => void,
  ): boolean | Promise<boolean> {
    // Before this attempt, which may be of the key that is owed. The probe of a server that failed
    // is the attempt itself.
    if (!this.owed.isEmpty && this.guard.state === 'closed') this.owed.send(now)
    // A policy that does not apply is part of the script: it looks at a key that no attempt can
    // have.
    const keys = attempts.map(({ active, key }, i) => this.keyOf(i, active ? key : ''))
    if (this.isKnown(attempts, keys, now)) return false
    // What can never fit is refused already: the states are still asked for, to answer what is
    // left.
    const isHopeless = attempts.some(isNever)
    const asked: Asked = { attempts, keys, isHopeless, now, cachedAt: this.cache.moment }
    const whenLate = late && ((found: Found) => this.reportLate(asked, found, late))
    return this.guard
      .run(this.script, keys, this.argumentsOf(asked), whenLate)
      .then(found => this.conclude(asked, found))
  }

  settle(policy: number, taken: LimitCharge, cost: number, now: number): Promise<void> | undefined {
    if (!this.guard.available) {
      this.owed.add(later => void this.settle(policy, taken, cost, later)?.catch(() => {}))
      return undefined
    }
    const { counting, maxLimit, refund, charge } = this.policies[policy] as RedisPolicy
    const { key, window, limit, depth } = taken
    const amount = Math.abs(cost - taken.cost)
    const mark = counting.markOf(taken, now)
    const args = takenArguments({ window, amount, limit, most: maxLimit, mark, depth })
    if (this.time.argument !== undefined) args.push(this.time.argument())
    const id = this.keyOf(policy, key)
    this.cache.forget(id)
    return this.guard.run(cost < taken.cost ? refund : charge, [id], args).then(() => undefined)
  }

  async reset(key: string): Promise<void> {
    const keys = this.policies.map((_, i) => this.keyOf(i, key))
    for (const one of keys) this.cache.forget(one)
    await this.guard.send(['DEL', ...keys], keys[0])
  }

  /** Whether a refusal of this key is remembered. */
  private isKnown(attempts: readonly Attempt[], keys: readonly string[], now: number): boolean {
    let isKnown = false
    for (let i = 0; i < attempts.length; i++) {
      const attempt = attempts[i] as Attempt
      attempt.fits = true
      if (attempt.active && this.cache.answers(keys[i] as string, attempt, now)) isKnown = true
    }
    return isKnown
  }

  private argumentsOf({ attempts, isHopeless }: Asked): string[] {
    const args: string[] = []
    for (let i = 0; i < attempts.length; i++) {
      const { active, limit, cost, capacity } = attempts[i] as Attempt
      args.push(active ? String(limit) : '1', active && !isHopeless ? String(cost) : '0')
      if ((this.policies[i] as RedisPolicy).counting.hasCapacity) args.push(active ? String(capacity) : '1')
    }
    if (this.time.argument !== undefined) args.push(this.time.argument())
    return args
  }

  private conclude(asked: Asked, found: Found): boolean {
    const { attempts, keys, now, cachedAt } = asked
    const allowed = this.answer(attempts, found, asked)
    for (let i = 0; i < attempts.length; i++) {
      const attempt = attempts[i] as Attempt
      if (attempt.active && !attempt.fits) this.cache.remember(keys[i] as string, attempt, now, cachedAt)
    }
    return allowed
  }

  /** The attempts were decided without Redis, and have their answers from there. */
  private reportLate(asked: Asked, found: Found, late: (taken: readonly Attempt[]) => void): void {
    const taken = asked.attempts.map(attempt => Object.assign(new Attempt(attempt.window), attempt))
    if (this.answer(taken, found, asked)) late(taken)
  }

  /**
   * Fills the answers with the functions that also answer in memory, from the states that the
   * script found.
   */
  private answer(
    attempts: readonly Attempt[],
    { allowed, states }: Found,
    { isHopeless, now }: Asked,
  ): boolean {
    const isAllowed = allowed && !isHopeless
    let at = 0
    for (let i = 0; i < attempts.length; i++) {
      const { counting, found } = this.policies[i] as RedisPolicy
      const attempt = attempts[i] as Attempt
      const state = states.slice(at, at + counting.width)
      at += counting.width
      if (!attempt.active) continue
      const moment = counting.restore(found.states.cells, state, now, attempt.limit)
      if (found.step(attempt, moment) && !isAllowed) found.undo(attempt, moment)
    }
    return isAllowed
  }

  private keyOf(policy: number, key: string): string {
    const { name, layout } = this.policies[policy] as RedisPolicy
    return this.keys(name, layout, key)
  }
}

function policyIn(
  { name, algorithm, counting, window, maxLimit }: PolicyKind,
  time: ServerTime,
): RedisPolicy {
  const inRedis = redisCountingOf(algorithm, counting)
  return {
    name,
    window,
    maxLimit,
    counting: inRedis,
    layout: `${inRedis.kind}${window}`,
    refund: settleScript(inRedis, 'refund', time.server),
    charge: settleScript(inRedis, 'charge', time.server),
    found: new KeyState({ counting: inRedis.counting, maxLimit }),
  }
}

/** Refused for ever, whatever was counted. */
function isNever({ active, limit, cost, capacity }: Attempt): boolean {
  return active && (limit === 0 || cost > capacity)
}
