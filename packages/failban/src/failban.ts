import {
  ConfigError,
  canonicalIp,
  checkOptions,
  type Duration,
  duration,
  type MaybePromise,
  type Middleware,
  type Outcome,
  optional,
  type Reply,
  type RequestContext,
  RequestError,
  type Services,
  type Violation,
} from '@palisade/core'
import { type Ban, type BanRecord, MANUAL, shown } from './bans/ban.js'
import { banId } from './bans/ban-id.js'
import { Escalation } from './bans/escalation.js'
import { BanRegistry, forget } from './bans/registry.js'
import { type CheckedFailban, checkFailban, type FailbanOptions } from './failban-options.js'
import { BAN, Jail } from './jails/jail.js'
import { AccessLists, type RangeList } from './lists/access-lists.js'
import { FAILBAN, ResponseSource } from './sources/responses.js'

export interface ManualBan {
  reason?: string
  /** Default: as long as a first ban of the first jail. */
  durationMs?: number | 'permanent'
  /** Default `manual`. */
  jail?: string
}

export interface BanStats {
  /** Shadow bans included. */
  readonly activeBans: number
  readonly byJail: Readonly<Record<string, number>>
  /** How many were counted since the start. */
  readonly violations: number
  /** How many requests were refused, or in shadow mode would have been. */
  readonly refusals: number
  /** How many clients jails count at the moment; one in two jails is two. */
  readonly trackedKeys: number
  /** How many clients or bans had to be forgotten before their time, for lack of room. */
  readonly evictions: number
  /** How far behind other processes this one may be; 0 when there are none. */
  readonly syncLagMs: number
}

export interface Failban extends Middleware {
  /**
   * Loads what the store has kept; to be awaited before listening. False if it took longer than `timeout` (default 10 s): then requests are
   * served meanwhile as if nobody were banned (`security:store-error` tells it), and the bans come in force when they are read.
   *
   * @throws whatever the store fails with, a file that another process holds included
   */
  ready(options?: { timeout?: Duration }): Promise<boolean>
  /** The ban that contains the whole address or network, in any notation. */
  find(ip: string): Ban | undefined
  /** Bans in force, the newest first. */
  list(): readonly Ban[]
  /**
   * Bans by hand. Settles when the ban is kept.
   *
   * @throws RangeError for what is neither an address nor a network, or is allowed
   * @throws RequestError 503 when the store fails: then the ban is in force in this process only
   */
  ban(ip: string, options?: ManualBan): Promise<Ban>
  /** Lifts every ban that contains the address or network, its counters and its memory. Settles when that is kept. Returns what was banned. @throws RequestError 503 */
  unban(ip: string): Promise<readonly string[]>
  /** From now on these are never banned; bans that they cover are lifted. Replaces the list. @throws ConfigError */
  setAllow(ranges: RangeList): void
  /** From now on these are always refused. Replaces the list. @throws ConfigError */
  setDeny(ranges: RangeList): void
  stats(): BanStats
}

/**
 * Bans clients by what they did: failed logins, exceeded limits, scans. Counts violations from the pipeline's events and from its answers.
 *
 * A ban is as good as the client address: set the pipeline's `trust` to the topology, or a proxy that is missing from it is banned with everybody
 * behind it. Clients without a verified address are never counted. It cannot see two people behind one address, nor one attacker behind many.
 *
 * The decision is synchronous and waits for no store. Fails open while a slow store loads past `ready()`'s timeout and when a store is lost: bans
 * in memory stay in force, and `security:store-error` tells it.
 *
 *     const bans = failban({ maxViolations: 5, violationWindow: '10m', banDuration: '1h', store: fileBans('data/bans.jsonl') })
 *     const edge = pipeline().use(bans).use(rateLimit({ limit: 100, window: '1m' }))
 *     await bans.ready()
 *
 * @throws ConfigError for a wrong or unknown option
 */
export function failban(options: FailbanOptions = {}): Failban {
  return new FailbanMiddleware(checkFailban(options))
}

const SWEEP_MS = 30_000

export class FailbanMiddleware implements Failban {
  readonly name = FAILBAN
  readonly onResponse?: (ctx: RequestContext, outcome: Outcome) => void
  readonly registry: BanRegistry
  readonly lists: AccessLists
  private readonly options: CheckedFailban
  private readonly jails: readonly Jail[]
  private readonly escalation: Escalation
  private readonly responses: ResponseSource | undefined
  private readonly exemptions: { readonly services: Services; readonly path: string }[] = []
  private readonly stops: (() => void)[] = []
  private loading: Promise<void> | undefined = undefined
  private timer: NodeJS.Timeout | undefined = undefined
  private pipelines = 0
  private violations = 0
  private refusals = 0

  constructor(options: CheckedFailban) {
    this.options = options
    this.jails = options.jails.map(jail => new Jail(jail, options.maxKeys))
    const longest = Math.max(...options.jails.map(({ ban }) => ban))
    this.escalation = new Escalation(options.escalate, longest, { owner: FAILBAN, option: 'escalate.max' })
    this.lists = new AccessLists(options.allow, options.deny, options.allowOwnAddresses)
    this.registry = new BanRegistry({
      store: options.store,
      lists: this.lists,
      escalation: this.escalation,
      maxBans: options.maxBans,
      isShadow: options.mode === 'shadow',
      onLifted: ip => this.forget(ip),
    })
    this.responses = responsesOf(options, this.jails)
    // Absent where nothing in the answers counts, so that the end of requests need not be watched.
    const { responses } = this
    if (responses !== undefined) this.onResponse = (ctx, outcome) => responses.watch(ctx, outcome)
  }

  setup(services: Services): void {
    this.setKeyWidth(services)
    this.pipelines++
    this.lists.learn(services)
    this.registry.learn(services)
    this.stops.push(services.events.on('security:violation', violation => this.record(violation)))
    this.timer ??= setInterval(() => this.sweep(), SWEEP_MS).unref()
    this.load().catch(() => {})
  }

  onRequest(ctx: RequestContext): Reply | undefined {
    const { client } = ctx
    const { ip } = client
    if (ip === undefined) return undefined
    const ban = this.registry.of(client)
    const { deny } = this.lists
    const isDenied = deny.size !== 0 && deny.has(ip)
    return ban === undefined && !isDenied ? undefined : this.refuse(ctx, ip, ban, isDenied)
  }

  async dispose(): Promise<void> {
    if (--this.pipelines > 0) return
    clearInterval(this.timer)
    for (const stop of this.stops.splice(0)) stop()
    await this.options.store.close?.()
  }

  async ready(options: { timeout?: Duration } = {}): Promise<boolean> {
    const { timeout } = checkOptions('failban.ready', options, {
      timeout: optional(duration({ max: '10m' }), 10_000 as never),
    })
    const loaded = this.load().then(() => true)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>(resolve => {
      timer = setTimeout(() => {
        this.registry.storeFailed('load', new Error(`the store of bans was not read within ${timeout} ms`))
        resolve(false)
      }, timeout)
    })
    try {
      return await Promise.race([loaded, late])
    } finally {
      clearTimeout(timer)
    }
  }

  find(ip: string): Ban | undefined {
    const asked = canonicalIp(ip) ?? this.idOf(ip)
    const ban = asked === undefined ? undefined : this.registry.covering(asked)
    return ban && shown(ban)
  }

  list(): readonly Ban[] {
    this.registry.sweep()
    return this.registry.ledger.newest(Number.POSITIVE_INFINITY).map(({ record }) => shown(record))
  }

  async ban(ip: string, options: ManualBan = {}): Promise<Ban> {
    const id = this.idOf(ip)
    if (id === undefined)
      throw new RangeError('failban.ban: neither an address nor a network without host bits')
    if (this.lists.covers(id, this.registry.clock)) throw new RangeError(`failban.ban: ${id} is allowed`)
    const { reason = 'banned by hand', durationMs = this.jails[0]?.banMs ?? 0, jail = MANUAL } = options
    const now = this.registry.clock.now()
    const earlier = this.escalation.remembered(this.registry.lastOf(id, jail), now)
    const expiresAt = durationMs === 'permanent' ? null : now + durationMs
    const record = this.recordOf(
      { ip: id, jail, reason, source: MANUAL, violations: 0, expiresAt, earlier },
      now,
    )
    const imposed = this.registry.impose(record)
    if (imposed === undefined) throw new RequestError(503, 'There are too many bans that were made by hand')
    this.forget(id)
    await keptOr(imposed.kept, 'The ban is in force, but is lost at a restart')
    return shown(record)
  }

  async unban(ip: string): Promise<readonly string[]> {
    const asked = canonicalIp(ip) ?? this.idOf(ip)
    if (asked === undefined) return []
    const { lifted, kept } = this.registry.lift(asked)
    this.forget(this.idOf(asked) as string)
    await keptOr(kept, 'The ban is lifted, but may come back at a restart')
    return lifted.map(ban => ban.ip)
  }

  setAllow(ranges: RangeList): void {
    this.lists.setAllow(ranges)
    this.registry.liftAllowed()
  }

  setDeny(ranges: RangeList): void {
    this.lists.setDeny(ranges)
  }

  stats(): BanStats {
    this.registry.sweep()
    const byJail = new Map<string, number>()
    for (const { jail } of this.registry.ledger.records()) byJail.set(jail, (byJail.get(jail) ?? 0) + 1)
    const sum = (of: (jail: Jail) => number) => this.jails.reduce((total, jail) => total + of(jail), 0)
    return {
      activeBans: this.registry.ledger.size,
      byJail: Object.fromEntries(byJail),
      violations: this.violations,
      refusals: this.refusals,
      trackedKeys: sum(jail => jail.trackedKeys),
      evictions: this.registry.evictions + sum(jail => jail.evictions),
      syncLagMs: this.options.store.syncLagMs?.() ?? 0,
    }
  }

  /** The names that a ban may have as its jail. */
  get jailNames(): readonly string[] {
    return [MANUAL, ...this.jails.map(({ name }) => name)]
  }

  idOf(text: string): string | undefined {
    return banId(text, this.registry.ledger.ipv6Prefix)
  }

  /** An admin API answers everything below this path of these pipelines: bans, but not the deny list, let it through. */
  exempt(services: Services, path: string): void {
    this.exemptions.push({ services, path })
  }

  private record({ source, weight, key, ip, bannable }: Violation): void {
    if (!bannable || !(weight > 0)) return
    const id = this.idOf(key)
    const { clock } = this.registry
    if (id === undefined) return
    if (this.lists.covers(id, clock) || (ip !== undefined && this.lists.allows(ip, clock))) return
    if (this.registry.covering(id) !== undefined) return
    this.violations++
    this.count(id, source, Math.max(1, Math.round(weight)))
  }

  private count(id: string, source: string, weight: number): void {
    const steady = this.registry.clock.monotonic()
    for (const jail of this.jails) {
      if (!jail.hears(source)) continue
      const sum = jail.count(id, weight, steady)
      if (sum > 0) this.imprison(id, jail, source, sum)
    }
  }

  private imprison(ip: string, jail: Jail, source: string, violations: number): void {
    const now = this.registry.clock.now()
    const last = this.registry.lastOf(ip, jail.name)
    const { durationMs, earlier } = this.escalation.sentence(jail.banMs, last, now)
    const expiresAt = now + durationMs
    const reason = jail.reasonOf(violations)
    const record = this.recordOf({ ip, jail: jail.name, reason, source, violations, expiresAt, earlier }, now)
    const imposed = this.registry.impose(record)
    if (imposed === undefined) return
    forget(imposed.kept)
    // A ban by a jail for bans is not one more ban to such a jail.
    if (source !== BAN) this.count(ip, BAN, 1)
  }

  private recordOf(
    facts: Pick<BanRecord, 'ip' | 'jail' | 'reason' | 'source' | 'violations' | 'expiresAt' | 'earlier'>,
    now: number,
  ): BanRecord {
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
      shadow: this.options.mode === 'shadow',
      earlier,
    })
  }

  private refuse(
    ctx: RequestContext,
    ip: string,
    ban: BanRecord | undefined,
    isDenied: boolean,
  ): Reply | undefined {
    if (this.lists.allows(ip, ctx.services.clock)) return undefined
    if (!isDenied && this.isExempt(ctx)) return undefined
    this.refusals++
    if (this.options.mode === 'shadow') return undefined
    const { status, explain } = this.options
    const expiresAt = isDenied ? null : (ban?.expiresAt ?? null)
    const now = ctx.services.clock.now()
    return ctx.deny({
      status,
      code: status === 429 ? 'RATE_LIMITED' : 'FORBIDDEN',
      message: 'Access denied',
      headers: { 'Cache-Control': 'no-store' },
      ...(expiresAt !== null && { retryAfterSeconds: Math.max(1, Math.ceil((expiresAt - now) / 1000)) }),
      ...(explain &&
        ban !== undefined &&
        !isDenied && { details: { reason: ban.reason, expires_at: expiresAt } }),
      reason: isDenied ? 'on the deny list' : `banned by jail "${ban?.jail}": ${ban?.reason}`,
      by: FAILBAN,
    })
  }

  private isExempt({ services, path }: RequestContext): boolean {
    return this.exemptions.some(
      one => one.services === services && (path === one.path || path.startsWith(`${one.path}/`)),
    )
  }

  private load(): Promise<void> {
    this.loading ??= this.read()
    return this.loading
  }

  private async read(): Promise<void> {
    try {
      this.registry.restore(await this.options.store.open(this.registry))
    } catch (error) {
      this.registry.storeFailed('load', error)
      throw error
    }
  }

  private forget(ip: string): void {
    for (const jail of this.jails) jail.forget(ip)
    this.responses?.forget(ip)
  }

  private sweep(): void {
    const now = this.registry.clock.monotonic()
    this.registry.sweep()
    this.responses?.sweep(now)
    for (const jail of this.jails) jail.sweep(now)
  }

  /** Bans are found by client key, so all pipelines must make the same keys. */
  private setKeyWidth({ trust }: Services): void {
    const { key } = trust.resolve('2001:db8::1', undefined)
    const prefix = Number(key?.slice(key.lastIndexOf('/') + 1) ?? 64)
    if (!Number.isInteger(prefix)) return
    const { ledger } = this.registry
    if (this.pipelines > 0 && ledger.ipv6Prefix !== prefix)
      throw new ConfigError({
        owner: FAILBAN,
        option: 'trust',
        value: prefix,
        allowed: `the same ipv6Prefix in all pipelines that share bans (${ledger.ipv6Prefix})`,
      })
    ledger.ipv6Prefix = prefix
  }
}

async function keptOr(kept: MaybePromise<unknown>, message: string): Promise<void> {
  try {
    await kept
  } catch (cause) {
    throw new RequestError(503, message, { cause })
  }
}

function responsesOf(options: CheckedFailban, jails: readonly Jail[]): ResponseSource | undefined {
  const countsNotFound = jails.some(jail => jail.hears('not-found'))
  const countsProbes = options.probePaths.length > 0 && jails.some(jail => jail.hears('probe'))
  if (!countsNotFound && !countsProbes) return undefined
  const { probePaths, maxKeys } = options
  const window = Math.max(...options.jails.map(jail => jail.window))
  return new ResponseSource({ countsNotFound, countsProbes, probePaths, window, maxKeys })
}
