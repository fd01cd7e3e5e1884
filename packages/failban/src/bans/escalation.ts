import { randomBytes } from 'node:crypto'
import {
  type Check,
  callback,
  type Duration,
  duration,
  ignoreRejection,
  type Milliseconds,
  type OptionPath,
  object,
  optional,
  refuse,
} from '@palisade/core/middleware'
import { type BanRecord, MOST_EARLIER } from './ban.js'

export interface EscalationOptions {
  /** Each earlier ban multiplies the duration by this: 1 to 100. Default 2. */
  factor?: number
  /**
   * No ban that a jail makes is longer, jitter apart. Default `30d`, or the longest ban of a jail
   * if that is more.
   */
  max?: Duration
  /** Maximum random time added, so that a client cannot tell when its ban ends. Default none. */
  jitter?: Duration
  /** How long an earlier ban counts. Default `30d`. */
  memory?: Duration
  /** From 0 to below 1, for tests. Default: the operating system's random numbers. */
  random?: () => number
}

export interface Sentence {
  readonly durationMs: number
  readonly banCount: number
  readonly earlier: readonly number[]
}

/**
 * How long the next ban is: `min(max, ban * factor ^ n) + random * jitter`, where `n` is earlier
 * bans less one per quiet week.
 */
export class Escalation {
  readonly memory: number
  /** What a restored ban is cut to. */
  readonly longest: number
  readonly #factor: number
  readonly #max: number
  readonly #jitter: number
  readonly #random: () => number

  /** @throws ConfigError when `max` is shorter than a jail's ban */
  constructor(options: CheckedEscalation | undefined, longestBan: number, at: OptionPath) {
    if (options?.max !== undefined && options.max < longestBan)
      refuse(at, options.max, `at least the longest ban of a jail, ${longestBan} ms`)
    this.#factor = options?.factor ?? (options === undefined ? 1 : 2)
    this.#max = options?.max ?? Math.max(longestBan, THIRTY_DAYS)
    this.#jitter = options?.jitter ?? 0
    this.memory = options?.memory ?? THIRTY_DAYS
    this.#random = options?.random ?? chance
    this.longest = this.#max + this.#jitter
  }

  /** @param last the last ban of the same address by the same jail */
  sentence(banMs: number, last: BanRecord | undefined, now: number): Sentence {
    const earlier = this.remembered(last, now)
    const quiet = last === undefined ? 0 : quietWeeks(last, now)
    const n = Math.min(Math.max(0, earlier.length - quiet), MOST_EARLIER)
    const jitter = this.#jitter === 0 ? 0 : Math.floor(share(this.#random()) * this.#jitter)
    const durationMs = Math.min(this.#max, Math.round(banMs * this.#factor ** n)) + jitter
    return { durationMs, banCount: earlier.length + 1, earlier }
  }

  /** Whether a ban that is over still counts. */
  remembers(record: BanRecord, now: number): boolean {
    return now - record.bannedAt < this.memory
  }

  remembered(last: BanRecord | undefined, now: number): readonly number[] {
    if (last === undefined) return []
    return [...last.earlier, last.bannedAt].filter(at => now - at < this.memory).slice(-MOST_EARLIER)
  }
}

const WEEK = 7 * 86_400_000
const THIRTY_DAYS = 30 * 86_400_000

function quietWeeks({ expiresAt, bannedAt }: BanRecord, now: number): number {
  return Math.max(0, Math.floor((now - (expiresAt ?? bannedAt)) / WEEK))
}

/** A ban that ends at no time could be neither kept nor ended. */
function share(random: unknown): number {
  ignoreRejection(random)
  return typeof random === 'number' && random > 0 ? Math.min(random, 1) : 0
}

function chance(): number {
  return randomBytes(4).readUInt32BE() / 2 ** 32
}

const factor: Check<number> = (value, at) =>
  typeof value === 'number' && value >= 1 && value <= 100
    ? value
    : refuse(at, value, 'a number from 1 to 100')

export interface CheckedEscalation {
  readonly factor: number | undefined
  readonly max: Milliseconds | undefined
  readonly jitter: Milliseconds | undefined
  readonly memory: Milliseconds | undefined
  readonly random: (() => number) | undefined
}

export const escalation: Check<CheckedEscalation> = object({
  factor: optional(factor),
  max: optional(duration({ min: '1s' })),
  jitter: optional(duration({ min: 0, max: '1d' })),
  memory: optional(duration({ min: '1s' })),
  random: optional(callback<() => number>()),
})
