import {
  alsoCalled,
  type Check,
  CidrSet,
  ConfigError,
  checkOptions,
  cidrs,
  type Duration,
  flag,
  having,
  integer,
  list,
  type Milliseconds,
  mode,
  oneOf,
  optional,
  text,
} from '@palisade/core/middleware'
import { MANUAL } from './bans/ban.js'
import { type CheckedEscalation, type EscalationOptions, escalation } from './bans/escalation.js'
import { banDuration, type CheckedJail, type JailOptions, jail, threshold, window } from './jails/jail.js'
import type { RangeList } from './lists/access-lists.js'
import { PROBE_PATHS } from './sources/probe-paths.js'
import { memoryBans } from './stores/memory.js'
import type { BanStore } from './stores/store.js'

interface FailbanBase {
  /** Later bans are longer. Default: every ban lasts as its jail says. */
  escalate?: EscalationOptions
  /**
   * Who is never banned nor refused here. Trusted proxies and this machine's own addresses need not
   * be named.
   */
  allow?: RangeList
  /** The same as `allow`. */
  whitelist?: RangeList
  /** Who is always refused, unless allowed. */
  deny?: RangeList
  /** The same as `deny`. */
  blacklist?: RangeList
  /** Whether this machine's own addresses, loopback included, are allowed. Default true. */
  allowOwnAddresses?: boolean
  /** Where bans outlive the process. Default `memoryBans()`: nowhere. */
  store?: BanStore
  /**
   * `shadow` counts, bans and emits events with `shadow: true`, and refuses no request. Default
   * `enforce`.
   */
  mode?: 'enforce' | 'shadow'
  /** Of a refusal. Default 403. */
  status?: 403 | 429
  /** Whether a refusal tells the client the reason of its ban and when it ends. Default false. */
  explain?: boolean
  /** Beginnings of decoded paths in lower case that are probes. Default `PROBE_PATHS`. */
  probePaths?: readonly string[]
  /** The most clients that each jail counts at once. Default 50,000. */
  maxKeys?: number
  /** The most bans at once. Default 100,000. */
  maxBans?: number
}

/** One jail named `default`, which every source feeds. */
interface ShortForm {
  /** Default 5. */
  maxViolations?: number
  /** The same as `maxViolations`. */
  maxAttempts?: number
  /** Default `10m`. */
  violationWindow?: Duration
  /** The same as `violationWindow`. */
  windowMs?: Duration
  /** Default `1h`. */
  banDuration?: Duration
}

export type FailbanOptions = FailbanBase &
  ((ShortForm & { jails?: never }) | ({ jails: readonly JailOptions[] } & { [K in keyof ShortForm]?: never }))

export interface CheckedFailban {
  readonly jails: readonly CheckedJail[]
  readonly escalate: CheckedEscalation | undefined
  readonly allow: CidrSet
  readonly deny: CidrSet
  readonly allowOwnAddresses: boolean
  readonly store: BanStore
  readonly mode: 'enforce' | 'shadow'
  readonly status: 403 | 429
  readonly explain: boolean
  readonly probePaths: readonly string[]
  readonly maxKeys: number
  readonly maxBans: number
}

const OWNER = 'failban'
const SHORT = ['maxViolations', 'maxAttempts', 'violationWindow', 'windowMs', 'banDuration'] as const

/** @throws ConfigError */
export function checkFailban(given: FailbanOptions): CheckedFailban {
  const options = checkOptions(OWNER, given, {
    maxViolations: alsoCalled('maxAttempts', optional(threshold, 5)),
    violationWindow: alsoCalled('windowMs', optional(window, 600_000 as Milliseconds)),
    banDuration: optional(banDuration, 3_600_000 as Milliseconds),
    jails: optional(list(jail, { min: 1, max: 32 })),
    escalate: optional(escalation),
    allow: alsoCalled('whitelist', optional(cidrs)),
    deny: alsoCalled('blacklist', optional(cidrs)),
    allowOwnAddresses: optional(flag, true),
    store: optional(having<BanStore>('a store, such as memoryBans()', 'open', 'save', 'remove')),
    mode,
    status: optional(oneOf(403, 429), 403),
    explain: optional(flag, false),
    probePaths: optional(list(probePath, { max: 1000 }), PROBE_PATHS),
    maxKeys: optional(integer({ min: 2, max: 8_000_000 }), 50_000),
    maxBans: optional(integer({ min: 1, max: 1_000_000 }), 100_000),
  })
  return {
    ...options,
    jails: options.jails === undefined ? [shortJail(options)] : jailsOf(options.jails, given),
    allow: options.allow ?? new CidrSet([]),
    deny: options.deny ?? new CidrSet([]),
    store: options.store ?? memoryBans(),
  }
}

const probePath: Check<string> = text({
  pattern: /^\/[^A-Z]+$/,
  max: 200,
  allowed: 'the beginning of a path, with its slash and in lower case',
})

interface CheckedShortForm {
  readonly maxViolations: number
  readonly violationWindow: Milliseconds
  readonly banDuration: Milliseconds
}

function shortJail(options: CheckedShortForm): CheckedJail {
  return {
    name: 'default',
    sources: undefined,
    threshold: options.maxViolations,
    window: options.violationWindow,
    ban: options.banDuration,
  }
}

function jailsOf(jails: readonly CheckedJail[], given: FailbanOptions): readonly CheckedJail[] {
  for (const name of SHORT) {
    const value: unknown = given[name]
    if (value !== undefined)
      throw new ConfigError({
        owner: OWNER,
        option: name,
        value,
        allowed: '"jails", or one jail in the short form, not both',
      })
  }
  const names = new Set([MANUAL])
  for (const [index, { name }] of jails.entries()) {
    if (names.has(name))
      throw new ConfigError({
        owner: OWNER,
        option: `jails[${index}].name`,
        value: name,
        allowed: `a name of its own, other than "${MANUAL}"`,
      })
    names.add(name)
  }
  return jails
}
