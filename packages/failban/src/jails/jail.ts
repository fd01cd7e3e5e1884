import {
  type Check,
  type CidrSet,
  type Duration,
  duration,
  integer,
  list,
  type Milliseconds,
  object,
  optional,
  refuse,
  text,
} from '@palisade/core/middleware'
import { MANUAL } from '../bans/ban.js'
import { DistinctPaths } from '../sources/distinct-paths.js'
import { OnceAWindow } from '../sources/once-a-window.js'
import { TallyBook } from './tally-book.js'

export interface JailOptions {
  /** Unlike the others', at most 64 of letters, digits and `_.:-`. */
  name: string
  /**
   * What it counts: `auth`, `rate-limit`, `not-found`, `probe`, `ban` (bans by other jails), or a
   * team's own word. Default: everything but `ban`.
   */
  sources?: readonly string[]
  /**
   * The weight within the window that bans: 1 to 10,000. Over 32 it is counted in eighths of the
   * window.
   */
  threshold: number
  window: Duration
  /** How long the first ban lasts. */
  ban: Duration
}

/** The source that stands for a ban. */
export const BAN = 'ban'
/** The source that stands for a missing path. */
export const NOT_FOUND = 'not-found'

const WORD = /^[a-z][\w.:-]{0,63}$/i
const WORD_RULE = 'a word of at most 64 letters, digits and _.:-'
const word = text({ pattern: WORD, allowed: WORD_RULE })
const source: Check<string> = (value, at) =>
  isSource(value) ? value : refuse(at, value, `${WORD_RULE}, other than "${MANUAL}"`)

export const threshold: Check<number> = integer({ min: 1, max: 10_000 })
export const window: Check<Milliseconds> = duration({ min: '1s', max: '30d' })
export const banDuration: Check<Milliseconds> = duration({ min: '1s' })

export interface CheckedJail {
  readonly name: string
  readonly sources: readonly string[] | undefined
  readonly threshold: number
  readonly window: Milliseconds
  readonly ban: Milliseconds
}

export const jail: Check<CheckedJail> = object({
  name: word,
  sources: optional(list(source, { min: 1, max: 64 })),
  threshold,
  window,
  ban: banDuration,
})

/**
 * `manual` says of a ban that a person made it, which is then as long as it says and never evicted.
 */
export const isSource = (value: unknown): value is string =>
  typeof value === 'string' && WORD.test(value) && value !== MANUAL

/**
 * A client that is banned has so many failed logins below an admin path before its ban is longer,
 * or fewer by the threshold.
 */
const BUDGET = 5

/** What a jail reads of a violation, beside its weight. */
export interface Told {
  readonly source: string
  readonly path?: string | undefined
  readonly once?: boolean | undefined
}

/**
 * Counts violations by client and says when it is enough. Synchronous, so that of many at once
 * exactly one reaches the threshold.
 */
export class Jail {
  readonly name: string
  readonly banMs: number
  readonly #sources: ReadonlySet<string> | undefined
  readonly #threshold: number
  readonly #window: number
  /** Which missing paths it has counted; absent where the source of them remembers them as long. */
  readonly #paths: DistinctPaths | undefined
  /** Which clients it has counted for what pages made their browsers send. */
  readonly #induced: OnceAWindow
  readonly #tallies: TallyBook
  /** What is counted against clients that are banned already. */
  readonly #banned: TallyBook

  /** @param untold how long a reported missing path is not reported again */
  constructor(options: CheckedJail, maxKeys: number, untold: number) {
    this.name = options.name
    this.banMs = options.ban
    this.#sources = options.sources && new Set(options.sources)
    this.#threshold = options.threshold
    this.#window = options.window
    const { window, threshold } = options
    this.#tallies = new TallyBook({ window, threshold, maxKeys })
    this.#banned = new TallyBook({ window, threshold: Math.min(threshold, BUDGET), maxKeys })
    this.#induced = new OnceAWindow(this.#window, maxKeys)
    this.#paths =
      this.hears(NOT_FOUND) && this.#window > untold ? new DistinctPaths(this.#window, maxKeys) : undefined
  }

  get trackedKeys(): number {
    return this.#tallies.size + this.#banned.size
  }

  get evictions(): number {
    return this.#tallies.evictions + this.#banned.evictions
  }

  hears(source: string): boolean {
    return this.#sources === undefined ? source !== BAN : this.#sources.has(source)
  }

  /** Whether it has not counted the same of the client within its window; from now on it has. */
  isNew(id: string, { source, path, once }: Told, now: number): boolean {
    if (once === true) return this.#induced.isNew(id, now)
    if (source !== NOT_FOUND || path === undefined) return true
    return this.#paths?.isNew(id, path, now) ?? true
  }

  forgetPaths(id: string): void {
    this.#paths?.forget(id)
    this.#induced.forget(id)
  }

  /** The sum if it has reached the threshold, which also ends the count; else 0. */
  count(id: string, weight: number, now: number): number {
    return this.#tallies.count(id, weight, now)
  }

  /** As `count`, of a client that is banned: with a smaller threshold. */
  countBanned(id: string, weight: number, now: number): number {
    return this.#banned.count(id, weight, now)
  }

  forget(id: string): void {
    this.#tallies.forget(id)
    this.#banned.forget(id)
    this.forgetPaths(id)
  }

  forgetWithin(network: CidrSet): void {
    this.#tallies.forgetWithin(network)
    this.#banned.forgetWithin(network)
    this.#paths?.forgetWithin(network)
    this.#induced.forgetWithin(network)
  }

  sweep(now: number): void {
    this.#tallies.sweep(now)
    this.#banned.sweep(now)
    this.#paths?.sweep(now)
    this.#induced.sweep(now)
  }

  /** What a ban by this jail is for. */
  reasonOf(sum: number, wasBanned: boolean): string {
    const enough = wasBanned ? Math.min(this.#threshold, BUDGET) : this.#threshold
    const during = wasBanned ? ' during a ban' : ''
    return `${sum} violations within ${this.#window / 1000} s${during}, ${enough} are enough for jail "${this.name}"`
  }
}
