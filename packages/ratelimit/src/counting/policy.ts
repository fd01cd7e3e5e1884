import {
  alsoCalled,
  ConfigError,
  callback,
  type Duration,
  duration,
  type EitherName,
  either,
  flag,
  integer,
  type OptionPath,
  oneOf,
  optional,
  refuse,
  text,
  within,
  wrongResult,
} from '@palisade/core/middleware'
import {
  ALGORITHM_NAMES,
  type AlgorithmName,
  algorithmOf,
  BUCKETS,
  defaultAlgorithm,
  QUEUES,
} from '../algorithms/index.js'
import type { PolicyKind } from '../stores/store.js'
import type { Attempt } from './attempt.js'

/**
 * A number, or a function of what is being limited: the request context, or the key of a
 * `createLimiter()`.
 */
export type NumberFor<Source> = number | ((source: Source) => number)

/** One quota. */
export interface QuotaOptions<Source> {
  /** Appears in headers, answers and events. Default `default`. */
  name?: string
  /**
   * How attempts are counted. Default `sliding-log` for a number up to 100 as the limit, otherwise
   * `sliding-window`.
   *
   * `fixed-window` | `sliding-window` | `sliding-log` | `token-bucket` | `leaky-bucket` | `gcra`
   */
  algorithm?: AlgorithmName
  /**
   * How much fits into a window; 0 refuses all. A function may return `Infinity`: the quota does
   * not apply then.
   */
  limit: NumberFor<Source>
  /** A duration such as `'1m'`, or milliseconds. */
  window: Duration
  /**
   * Buckets only: how much may be taken at once. Default the limit; 1 with `gcra` arrests spikes.
   */
  burst?: NumberFor<Source>
  /** What one attempt takes. Default 1; 0 asks without taking. */
  cost?: NumberFor<Source>
  /**
   * `leaky-bucket` only: an admitted attempt waits for its turn instead of passing at once. Default
   * false.
   */
  queue?: boolean
}

/** `maxAttempts` is another name of `limit`, and `windowMs` of `window`. */
export type EitherNames<Quota extends QuotaOptions<never>> = Omit<Quota, 'limit' | 'window'> &
  EitherName<Pick<Quota, 'limit'>, 'limit', 'maxAttempts'> &
  EitherName<Pick<Quota, 'window'>, 'window', 'windowMs'>

/**
 * What of a policy can be changed while it runs. A number takes the place of a function for good.
 */
export interface QuotaChange {
  limit?: number
  /** Buckets only. When it was never set, here or in the options, it follows the limit. */
  burst?: number
}

/** The names that `RateLimit` (a structured field string) and Redis keys carry without escaping. */
export const policyName = text({
  pattern: /^[A-Za-z0-9][\w.-]{0,63}$/,
  allowed: 'a name of 1 to 64 letters, digits, "_", "." and "-", that begins with a letter or digit',
})

/** What a policy is called that was given no name. */
export const UNNAMED = 'default'

const amount = (min: number) =>
  either(
    integer({ min, max: 2 ** 40 }),
    callback<(source: never) => number>(),
    `a whole number from ${min} to ${2 ** 40}, or a function that returns one`,
  )

/** The options that every quota has, for `checkOptions`. */
export const quotaShape = {
  name: optional(policyName, UNNAMED),
  algorithm: optional<AlgorithmName>(oneOf(...ALGORITHM_NAMES)),
  limit: alsoCalled('maxAttempts', amount(0)),
  window: alsoCalled('windowMs', duration({ min: 1, max: '3650d' })),
  burst: optional(amount(1)),
  cost: optional(amount(0), 1),
  queue: optional(flag, false),
}

type CheckedQuota = { [K in keyof typeof quotaShape]: ReturnType<(typeof quotaShape)[K]> }

/** A policy ready to run. */
export class Policy<Source> implements PolicyKind {
  readonly name: string
  readonly algorithm: AlgorithmName
  readonly counting: PolicyKind['counting']
  readonly window: number
  readonly maxLimit: number
  readonly isBucket: boolean
  /** Whether an admitted attempt waits for its turn. */
  readonly queues: boolean
  /** Without a function, every attempt asks this. A function is asked for each attempt. */
  readonly cost: number
  limit: number
  capacity: number
  /** Whether no function is asked. */
  isFixed: boolean
  private readonly costOf: ((source: Source) => number) | undefined
  private readonly owner: string
  /** Whether the burst is not just the limit. */
  private ownBurst: boolean
  private limitOf: ((source: Source) => number) | undefined
  private burstOf: ((source: Source) => number) | undefined

  constructor(quota: CheckedQuota, at: OptionPath) {
    const { limit, burst, cost } = quota
    const name = quota.algorithm ?? defaultAlgorithm(limit)
    const algorithm = algorithmOf(name)
    this.owner = at.owner
    this.name = quota.name
    this.algorithm = name
    this.window = quota.window
    this.maxLimit = algorithm.maxLimit(quota.window)
    this.isBucket = algorithm.isBucket
    this.queues = quota.queue
    this.ownBurst = burst !== undefined
    if (burst !== undefined) this.requireBucket(burst, at)
    this.counting =
      (quota.queue ? algorithm.queued : algorithm.memory) ??
      refuse(within(at, 'queue'), true, `a queue only with ${QUEUES.join(', ')}, not ${name}`)
    this.limit = typeof limit === 'number' ? limit : 0
    this.limitOf = functionOf(limit)
    this.capacity = typeof burst === 'number' ? burst : this.limit
    this.burstOf = functionOf(burst)
    this.cost = typeof cost === 'number' ? cost : 1
    this.costOf = functionOf(cost)
    this.isFixed = this.asksNothing
    this.checkRange(this.limit, this.capacity, at)
    const most = this.mostAtOnce
    if (this.cost > most) refuse(within(at, 'cost'), this.cost, `at most what can be taken at once, ${most}`)
  }

  /** Fills in what an attempt asks; sets it inactive when the quota does not apply. */
  fill(attempt: Attempt, source: Source, cost: number | undefined): void {
    attempt.cost = cost === undefined ? this.costFor(source) : cost
    const limit = this.limitFor(source)
    attempt.active = limit !== Number.POSITIVE_INFINITY
    if (!attempt.active) return
    attempt.limit = limit
    attempt.capacity = this.capacityFor(source, limit)
  }

  /** Changes limit or burst from the next attempt on; what was counted stays. */
  change(change: { limit: number | undefined; burst: number | undefined }, at: OptionPath): void {
    if (change.burst !== undefined) this.requireBucket(change.burst, at)
    const limit = change.limit ?? this.limit
    const burst = change.burst ?? (this.ownBurst ? this.capacity : limit)
    this.checkRange(limit, burst, at)
    if (change.limit !== undefined) this.limitOf = undefined
    if (change.burst !== undefined) {
      this.burstOf = undefined
      this.ownBurst = true
    }
    this.limit = limit
    this.capacity = burst
    this.isFixed = this.asksNothing
  }

  private get asksNothing(): boolean {
    return this.limitOf === undefined && this.burstOf === undefined && this.costOf === undefined
  }

  /** What can be taken at once, or of what a function decides the most that it may say. */
  private get mostAtOnce(): number {
    const isOpen = this.ownBurst ? this.burstOf !== undefined : this.limitOf !== undefined
    // A limit of 0 refuses every cost.
    if (isOpen || (this.limitOf === undefined && this.limit === 0)) return this.maxLimit
    return this.capacity
  }

  private costFor(source: Source): number {
    if (this.costOf === undefined) return this.cost
    const what = `${this.owner}: the cost of policy "${this.name}"`
    const cost: unknown = this.costOf(source)
    if (typeof cost !== 'number') throw wrongResult(what, cost, 'a whole number from 0')
    return checkCost(cost, what)
  }

  private limitFor(source: Source): number {
    if (this.limitOf === undefined) return this.limit
    const limit = this.limitOf(source)
    if (limit === Number.POSITIVE_INFINITY) return limit
    return this.inRange('limit', limit, 0)
  }

  private capacityFor(source: Source, limit: number): number {
    if (this.burstOf !== undefined) return this.inRange('burst', this.burstOf(source), 1)
    return this.ownBurst ? this.capacity : limit
  }

  private requireBucket(burst: unknown, at: OptionPath): void {
    if (this.isBucket) return
    refuse(within(at, 'burst'), burst, `a burst only with ${BUCKETS.join(', ')}, not ${this.algorithm}`)
  }

  private checkRange(limit: number, burst: number, at: OptionPath): void {
    const { maxLimit } = this
    const allowed = `at most ${maxLimit} with ${this.algorithm} and a window of ${this.window} ms, so that the counting stays exact`
    if (limit > maxLimit) refuse(within(at, 'limit'), limit, allowed)
    if (burst > maxLimit) refuse(within(at, 'burst'), burst, allowed)
  }

  private inRange(what: string, value: number, min: number): number {
    if (Number.isSafeInteger(value) && value >= min && value <= this.maxLimit) return value
    if (typeof value !== 'number')
      throw wrongResult(`${this.owner}: the ${what} of policy "${this.name}"`, value, 'a whole number')
    throw new RangeError(
      `${this.owner}: the ${what} of policy "${this.name}" is ${String(value)}; allowed: a whole number from ${min} to ${this.maxLimit}`,
    )
  }
}

/** An option that is a function of what is being limited. */
function functionOf<Source>(option: unknown): ((source: Source) => number) | undefined {
  return typeof option === 'function' ? (option as (source: Source) => number) : undefined
}

/** @throws RangeError for what no cost can be */
export function checkCost(cost: number, what: string): number {
  if (Number.isSafeInteger(cost) && cost >= 0) return cost
  throw new RangeError(`${what} is ${String(cost)}; allowed: a whole number from 0`)
}

/** Refuses two policies of one name: their counts and their headers could not be told apart. */
export function checkNames(owner: string, policies: readonly { readonly name: string }[]): void {
  const seen = new Set<string>()
  policies.forEach(({ name }, i) => {
    if (seen.has(name)) {
      throw new ConfigError({
        owner,
        option: `policies[${i}].name`,
        value: name,
        allowed: 'a name that no other policy has',
      })
    }
    seen.add(name)
  })
}
