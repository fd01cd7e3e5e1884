import {
  alsoCalled,
  type Check as CheckOption,
  callback,
  checkOptions,
  type Duration,
  duration,
  type EitherName,
  flag,
  list,
  type MaybePromise,
  oneOf,
  optional,
  refuse,
  text,
} from '@palisade/core/middleware'

/**
 * Which probes ask: `live` only what a restart repairs, `ready` what traffic needs, `startup` what
 * has to be done once.
 */
export type CheckKind = 'live' | 'ready' | 'startup'

/**
 * Facts of a check beside its verdict, shown to clients that may see details: at most 16 facts,
 * strings cut at 200 characters.
 */
export type CheckFacts = Readonly<Record<string, string | number | boolean | null>>

/**
 * `true` or nothing is healthy, `false` is not; an object says it in `healthy`, with facts beside
 * it. An error or a rejection is unhealthy, and so is any other result: a result without a meaning
 * must not count as good.
 */
export type CheckVerdict = boolean | undefined | void | ({ readonly healthy: boolean } & CheckFacts)

/** `check` is another name of `run`. */
export type CheckOptions = EitherName<OwnCheckOptions, 'run', 'check'>

interface OwnCheckOptions {
  /**
   * A letter, then up to 63 letters, digits, `_`, `-` and `.`: it becomes a key of the body and a
   * part of events.
   */
  name: string
  /**
   * Asks. `signal` is aborted when the time is up; what heeds it frees its connection, what does
   * not is not asked again until it has ended.
   */
  run: (signal: AbortSignal) => MaybePromise<CheckVerdict>
  /**
   * How long one run may take. Default 800 ms, so that it ends within the time-out of the answer.
   */
  timeout?: Duration
  /**
   * How long a result counts, from its end. Default 1 s; 0 asks on every probe. It is what keeps
   * strangers from loading what is checked.
   */
  ttl?: Duration
  /**
   * A failure makes the answer `degraded` with 200 instead of `unhealthy` with 503. Default false.
   */
  optional?: boolean
  /** Default `['ready']`. */
  kinds?: readonly CheckKind[]
}

/** A check that has been examined, as `check()` and the ready-made ones return it. */
export interface Check {
  readonly name: string
  readonly run: (signal: AbortSignal) => MaybePromise<CheckVerdict>
  readonly timeoutMs: number
  readonly ttlMs: number
  readonly optional: boolean
  readonly kinds: ReadonlySet<CheckKind>
  /** Closes what the check holds open. */
  readonly dispose?: () => MaybePromise<void>
}

/**
 * For `health()`: options that were not given to `check()` would only be found wrong by the first
 * probe.
 */
export const examined: CheckOption<Check> = (value, at) => {
  const { name, run, timeoutMs, ttlMs, kinds } = (value ?? {}) as Partial<Record<keyof Check, unknown>>
  const isCheck =
    typeof name === 'string' &&
    typeof run === 'function' &&
    typeof timeoutMs === 'number' &&
    typeof ttlMs === 'number' &&
    kinds instanceof Set
  if (isCheck) return value as Check
  const hint = typeof run === 'function' ? ' (check() was not called on these options)' : ''
  return refuse(at, value, `what check() or a ready-made check returns${hint}`)
}

/** The options that every check has beside what it asks. */
export type CommonOptions = Omit<OwnCheckOptions, 'run' | 'name'> & { name?: string }

const NAME = /^[A-Za-z][\w.-]{0,63}$/

const name = text({
  pattern: NAME,
  allowed: 'a letter, then up to 63 letters, digits, "_", "-" and "."',
})

const distinct =
  (allowed: CheckOption<CheckKind>): CheckOption<ReadonlySet<CheckKind>> =>
  (value, at) =>
    new Set(list(allowed, { min: 1, max: 3 })(value, at))

const READY: ReadonlySet<CheckKind> = new Set(['ready'])

const TIMING = {
  timeout: optional(duration({ min: 1, max: '1m' })),
  ttl: optional(duration({ min: 0, max: '1h' })),
  optional: optional(flag, false),
}

/**
 * The shape of `CommonOptions` for `checkOptions`; `fallback` is the name of a check that was given
 * none.
 */
export function commonShape(fallback: string) {
  return {
    name: optional(name, fallback),
    ...TIMING,
    kinds: optional(distinct(oneOf('live', 'ready', 'startup')), READY),
  }
}

/**
 * The same for a check of something outside this process. It cannot be a liveness check: a
 * dependency that is down would restart every instance, again and again, which repairs nothing and
 * takes away what still worked.
 */
export function dependencyShape(fallback: string) {
  return { ...commonShape(fallback), kinds: optional(distinct(oneOf('ready', 'startup')), READY) }
}

type Common = {
  readonly name: string
  readonly timeout: number | undefined
  readonly ttl: number | undefined
  readonly optional: boolean
  readonly kinds: ReadonlySet<CheckKind>
}

/** A ready-made check of what was checked by one of the shapes above. */
export function checkOf(common: Common, run: Check['run'], dispose?: () => MaybePromise<void>): Check {
  const { timeout = 800, ttl = 1000, kinds } = common
  return Object.freeze({
    name: common.name,
    run,
    timeoutMs: timeout,
    ttlMs: ttl,
    optional: common.optional,
    kinds,
    ...(dispose && { dispose }),
  })
}

/**
 * A check of the team's own.
 *
 *     const run = async () => ({ healthy: (await queue.depth()) < 1000 })
 *     check({ name: 'queue', run, optional: true })
 *
 * @throws ConfigError
 */
export function check(options: CheckOptions): Check {
  const checked = checkOptions('check', options, {
    ...commonShape(''),
    name,
    run: alsoCalled(
      'check',
      callback<Check['run']>('a function (signal) => boolean | { healthy } | nothing, or a promise of it'),
    ),
  })
  return checkOf(checked, checked.run)
}
