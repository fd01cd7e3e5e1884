import type { PalisadeEvents } from '@palisade/core'
import type { CidrSet } from '@palisade/core/middleware'
import { type BanRecord, MANUAL } from '../bans/ban.js'
import type { Escalation } from '../bans/escalation.js'
import { type BanRegistry, forget } from '../bans/registry.js'
import type { AccessLists } from '../lists/access-lists.js'
import { BAN, isSource, type Jail, type Told } from './jail.js'

/** As much as the highest threshold there is. */
const MOST_WEIGHT = 10_000
/** For what is no word: no jail can have named it, and those hear it that hear everything. */
const OTHER = 'other'

/** What a banned client can still do at an admin path: guess who may lift its ban. */
const GUESSES: ReadonlySet<string> = new Set(['auth', 'auth-throttled'])

export interface WardenOptions {
  readonly jails: readonly Jail[]
  readonly escalation: Escalation
  readonly lists: AccessLists
  readonly registry: BanRegistry
  readonly isShadow: boolean
  /** A jail has banned the client. */
  readonly onBanned: (id: string) => void
  /** Whether bans do not block the path. */
  readonly passesBans: (path: string | undefined) => boolean
}

/** Hears violations, has the jails count them, and bans when one has enough. */
export class Warden {
  /** How many were counted since the start. */
  violations = 0
  readonly #options: WardenOptions

  constructor(options: WardenOptions) {
    this.#options = options
  }

  get trackedKeys(): number {
    return this.#options.jails.reduce((sum, jail) => sum + jail.trackedKeys, 0)
  }

  get evictions(): number {
    return this.#options.jails.reduce((sum, jail) => sum + jail.evictions, 0)
  }

  /**
   * Counts a violation, unless the client is allowed or not known well enough. Of a client that is
   * banned already only failed logins at a path that bans do not block are counted. Every package
   * can emit a violation, so it is brought into the form in which a ban can be kept. A violation of
   * the source `ban` comes from jails alone.
   */
  hear({ source, weight, key, ip, bannable, path, once }: PalisadeEvents['security:violation']): void {
    if (!bannable || !(weight > 0) || source === BAN) return
    const { registry, lists } = this.#options
    const id = registry.idOf(key)
    if (id === undefined) return
    const { clock } = registry
    if (lists.covers(id, clock) || (ip !== undefined && lists.allows(ip, clock))) return
    const isBanned = registry.covering(id) !== undefined
    if (isBanned && !(GUESSES.has(source) && this.#options.passesBans(path))) return
    this.violations++
    const counted = Math.min(MOST_WEIGHT, Math.max(1, Math.round(weight)))
    this.#count(id, { source: isSource(source) ? source : OTHER, path, once }, counted, isBanned)
  }

  /** The ban that a person makes, as long as it says. */
  sentenceByHand(ip: string, jail: string, reason: string, expiresAt: number | null): BanRecord {
    const { registry, escalation } = this.#options
    const now = registry.clock.now()
    const earlier = escalation.remembered(registry.lastOf(ip, jail), now)
    return this.#recordOf({ ip, jail, reason, source: MANUAL, violations: 0, expiresAt, earlier }, now)
  }

  forget(id: string): void {
    for (const jail of this.#options.jails) jail.forget(id)
  }

  forgetWithin(network: CidrSet): void {
    for (const jail of this.#options.jails) jail.forgetWithin(network)
  }

  sweep(now: number): void {
    for (const jail of this.#options.jails) jail.sweep(now)
  }

  #count(id: string, told: Told, weight: number, isBanned = false): void {
    const now = this.#options.registry.clock.monotonic()
    for (const jail of this.#options.jails) {
      if (!jail.hears(told.source) || !jail.isNew(id, told, now)) continue
      const sum = isBanned ? jail.countBanned(id, weight, now) : jail.count(id, weight, now)
      if (sum > 0) this.#imprison(id, jail, told.source, sum, isBanned)
    }
  }

  #imprison(ip: string, jail: Jail, source: string, violations: number, wasBanned: boolean): void {
    const { registry, escalation, jails, onBanned } = this.#options
    const now = registry.clock.now()
    const last = registry.lastOf(ip, jail.name)
    const { durationMs, earlier } = escalation.sentence(jail.banMs, last, now)
    const endsAt = registry.clock.monotonic() + durationMs
    if (wasBanned && registry.containing(ip).some(ban => ban.endsAt >= endsAt)) return
    const reason = jail.reasonOf(violations, wasBanned)
    const facts = { ip, jail: jail.name, reason, source, violations, expiresAt: now + durationMs, earlier }
    const imposed = registry.impose(this.#recordOf(facts, now))
    if (imposed === undefined) return
    forget(imposed.kept)
    // What it asks for afterwards counts anew, the same as before too.
    for (const one of jails) one.forgetPaths(ip)
    onBanned(ip)
    // A ban by a jail for bans is not one more ban to such a jail.
    if (source !== BAN) this.#count(ip, { source: BAN }, 1)
  }

  #recordOf(facts: Facts, now: number): BanRecord {
    const { ip, jail, reason, source, violations, expiresAt, earlier } = facts
    return Object.freeze({
      ip,
      jail,
      reason,
      violations,
      banCount: earlier.length + 1,
      bannedAt: now,
      expiresAt,
      permanent: expiresAt === null,
      source,
      shadow: this.#options.isShadow,
      earlier,
    })
  }
}

type Facts = Pick<BanRecord, 'ip' | 'jail' | 'reason' | 'source' | 'violations' | 'expiresAt' | 'earlier'>
