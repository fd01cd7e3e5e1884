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
import type { Tally } from '../algorithms/algorithm.js'
import {
  ALGORITHM_NAMES,
  type AlgorithmName,
  algorithmOf,
  BUCKETS,
  defaultAlgorithm,
  QUEUES,
} from '../algorithms/index.js'
import { LONGEST_LOG } from '../algorithms/sliding-log.js'
import type { PolicyKind } from '../stores/store.js'

/** A number, or a function of what is being limited: the request context, or the key of a `createLimiter()`. */
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
  /** How much fits into a window; 0 refuses all. A function may return `Infinity`: the quota does not apply then. */
  limit: NumberFor<Source>
  /** A duration such as `'1m'`, or milliseconds. */
  window: Duration
  /** Buckets only: how much may be taken at once. Default the limit; 1 with `gcra` arrests spikes. */
  burst?: NumberFor<Source>
  /** What one attempt takes. Default 1; 0 asks without taking. */
  cost?: NumberFor<Source>
  /** `leaky-bucket` only: an admitted attempt waits for its turn instead of passing at once. Default false. */
  queue?: boolean
}

/** `maxAttempts` is another name of `limit`, and `windowMs` of `window`. */
export type EitherNames<Quota extends QuotaOptions<never>> = Omit<Quota, 'limit' | 'window'> &
  EitherName<Pick<Quota, 'limit'>, 'limit', 'maxAttempts'> &
  EitherName<Pick<Quota, 'window'>, 'window', 'windowMs'>

/** What of a policy can be changed while it runs. A number takes the place of a function for good. */
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

/** A policy ready to run. `limit` and `burst` are what static ones are now; functions are asked for each attempt. */
export class Policy<Source> implements PolicyKind {
  readonly name: string
  readonly algorithm: AlgorithmName
  readonly counting: PolicyKind['counting']
  readonly window: number
  readonly isBucket: boolean
  /** Whether an admitted attempt waits for its turn. */
  readonly queues: boolean
  private readonly fixedCost: number
  private readonly costOf: ((source: Source) => number) | undefined
  private readonly owner: string
  /** Whether the burst is not just the limit. */
  private ownBurst: boolean
  private staticLimit: number
  private staticBurst: number
  private limitOf: ((source: Source) => number) | undefined
  private burstOf: ((source: Source) => number) | undefined

  constructor(quota: CheckedQuota, at: OptionPath) {
    this.owner = at.owner
    this.name = quota.name
    const algorithm = quota.algorithm ?? defaultAlgorithm(quota.limit)
    this.algorithm = algorithm
    this.window = quota.window
    this.isBucket = BUCKETS.includes(algorithm)
    this.queues = quota.queue
    this.ownBurst = quota.burst !== undefined
    if (quota.burst !== undefined && !this.isBucket) {
      refuse(within(at, 'burst'), quota.burst, `a burst only with ${BUCKETS.join(', ')}, not ${algorithm}`)
    }
    this.counting =
      algorithmOf(algorithm, quota.queue) ??
      refuse(within(at, 'queue'), true, `a queue only with ${QUEUES.join(', ')}, not ${algorithm}`)
    this.staticLimit = typeof quota.limit === 'number' ? quota.limit : 0
    this.limitOf = typeof quota.limit === 'number' ? undefined : (quota.limit as (source: Source) => number)
    this.staticBurst = typeof quota.burst === 'number' ? quota.burst : this.staticLimit
    this.burstOf = typeof quota.burst === 'function' ? (quota.burst as (source: Source) => number) : undefined
    this.fixedCost = typeof quota.cost === 'number' ? quota.cost : 1
    this.costOf = typeof quota.cost === 'number' ? undefined : (quota.cost as (source: Source) => number)
    this.checkRange(this.staticLimit, this.staticBurst, at)
    const most = this.mostAtOnce
    if (this.fixedCost > most)
      refuse(within(at, 'cost'), this.fixedCost, `at most what can be taken at once, ${most}`)
  }

  /** What can be taken at once, or of what a function decides the most that it may say. */
  private get mostAtOnce(): number {
    const isOpen = this.ownBurst ? this.burstOf !== undefined : this.limitOf !== undefined
    // A limit of 0 refuses every cost.
    if (isOpen || (this.limitOf === undefined && this.staticLimit === 0)) return this.largest
    return this.isBucket ? this.staticBurst : this.staticLimit
  }

  /** Fills in limit and capacity; `false` when the quota does not apply. */
  fill(tally: Tally, source: Source): boolean {
    if (this.limitOf !== undefined || this.burstOf !== undefined) return this.fillFor(tally, source)
    tally.limit = this.staticLimit
    tally.capacity = this.isBucket ? this.staticBurst : this.staticLimit
    return true
  }

  private fillFor(tally: Tally, source: Source): boolean {
    const limit = this.limitFor(source)
    if (limit === Number.POSITIVE_INFINITY) return false
    tally.limit = limit
    tally.capacity = this.capacityFor(source, limit)
    return true
  }

  private askCost(source: Source, costOf: (source: Source) => number): number {
    const what = `${this.owner}: the cost of policy "${this.name}"`
    const cost: unknown = costOf(source)
    if (typeof cost !== 'number') throw wrongResult(what, cost, 'a whole number from 0')
    return checkCost(cost, what)
  }

  private limitFor(source: Source): number {
    if (this.limitOf === undefined) return this.staticLimit
    const limit = this.limitOf(source)
    if (limit === Number.POSITIVE_INFINITY) return limit
    return this.inRange('limit', limit, 0)
  }

  private capacityFor(source: Source, limit: number): number {
    if (!this.isBucket) return limit
    if (this.burstOf !== undefined) return this.inRange('burst', this.burstOf(source), 1)
    return this.ownBurst ? this.staticBurst : limit
  }

  costFor(source: Source): number {
    return this.costOf === undefined ? this.fixedCost : this.askCost(source, this.costOf)
  }

  /** Changes limit or burst from the next attempt on; what was counted stays. */
  change(change: { limit: number | undefined; burst: number | undefined }, at: OptionPath): void {
    if (change.burst !== undefined && !this.isBucket)
      refuse(within(at, 'burst'), change.burst, `a burst only with ${BUCKETS.join(', ')}`)
    const limit = change.limit ?? this.staticLimit
    const burst = change.burst ?? (this.ownBurst ? this.staticBurst : limit)
    this.checkRange(limit, burst, at)
    if (change.limit !== undefined) this.limitOf = undefined
    if (change.burst !== undefined) {
      this.burstOf = undefined
      this.ownBurst = true
    }
    this.staticLimit = limit
    this.staticBurst = burst
  }

  private get largest(): number {
    if (this.algorithm === 'sliding-log') return LONGEST_LOG
    // 2 * max(L, B) * W < 2 ** 53, so that every product and sum of the algorithms is an exact integer.
    return Math.ceil(2 ** 52 / this.window) - 1
  }

  private checkRange(limit: number, burst: number, at: OptionPath): void {
    const allowed = `at most ${this.largest} with a window of ${this.window} ms${this.algorithm === 'sliding-log' ? ' (the longest log that stays exact)' : ', so that the arithmetic stays exact'}`
    if (limit > this.largest) refuse(within(at, 'limit'), limit, allowed)
    if (this.isBucket && burst > this.largest) refuse(within(at, 'burst'), burst, allowed)
  }

  private inRange(what: string, value: number, min: number): number {
    if (Number.isSafeInteger(value) && value >= min && value <= this.largest) return value
    if (typeof value !== 'number')
      throw wrongResult(`${this.owner}: the ${what} of policy "${this.name}"`, value, 'a whole number')
    throw new RangeError(
      `${this.owner}: the ${what} of policy "${this.name}" is ${String(value)}; allowed: a whole number from ${min} to ${this.largest}`,
    )
  }
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
