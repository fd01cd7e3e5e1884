import {
  bindMethods,
  CidrSet,
  ConfigError,
  canonicalIp,
  checkOptions,
  type Duration,
  duration,
  type MaybePromise,
  type Outcome,
  oneOf,
  optional,
  type Reply,
  type RequestContext,
  RequestError,
  type Services,
} from '@palisade/core/middleware'
import { type Ban, MANUAL, shown } from './bans/ban.js'
import { durationOfBan } from './bans/ban-duration.js'
import { banReason } from './bans/ban-reason.js'
import { Escalation } from './bans/escalation.js'
import { KeptBans } from './bans/kept-bans.js'
import { BanRegistry, forget } from './bans/registry.js'
import type { BanStats, Failban, ManualBan } from './failban-api.js'
import { Jail } from './jails/jail.js'
import { Warden } from './jails/warden.js'
import { AccessLists, type RangeList } from './lists/access-lists.js'
import { type CheckedFailban, checkFailban, type FailbanOptions } from './options.js'
import { Refusals } from './refusals.js'
import { Buses } from './sources/buses.js'
import { FAILBAN, type ResponseSource } from './sources/responses.js'
import { missingWindow, responsesOf } from './sources/watched-responses.js'
import { Sweeper } from './sweeper.js'

/**
 * Bans clients by what they did: failed logins, exceeded limits, scans. Counts violations from the
 * pipeline's events and from its answers.
 *
 * A ban is as good as the client address: set the pipeline's `trust` to the topology, or a proxy
 * that is missing from it is banned with everybody behind it. Clients without a verified address
 * are never counted. It cannot see two people behind one address, nor one attacker behind many.
 *
 * The decision is synchronous and waits for no store. Fails open while a slow store loads past
 * `ready()`'s timeout and when a store is lost: bans in memory stay in force, and
 * `security:store-error` tells it.
 *
 *     const store = fileBans('data/bans.jsonl')
 *     const bans = failban({ maxViolations: 5, violationWindow: '10m', banDuration: '1h', store })
 *     const edge = pipeline().use(bans).use(rateLimit({ limit: 100, window: '1m' }))
 *     await bans.ready()
 *
 * @throws ConfigError for a wrong or unknown option
 */
export function failban(options: FailbanOptions = {}): Failban {
  const bans = new FailbanMiddleware(checkFailban(options))
  bindMethods(bans, 'setup', 'onRequest', 'dispose', 'ready', 'find', 'list', 'ban', 'unban')
  return bindMethods(bans, 'setAllow', 'setDeny', 'stats')
}

export class FailbanMiddleware implements Failban {
  readonly name = FAILBAN
  readonly onResponse?: (ctx: RequestContext, outcome: Outcome) => void
  readonly registry: BanRegistry
  readonly lists: AccessLists
  readonly #options: CheckedFailban
  readonly #warden: Warden
  readonly #responses: ResponseSource | undefined
  readonly #refusals: Refusals
  readonly #kept: KeptBans
  readonly #buses = new Buses()
  #isClosed = false
  #closed: Promise<void> | undefined = undefined
  readonly #sweeper = new Sweeper(() => this.#sweep())

  constructor(options: CheckedFailban) {
    const isShadow = options.mode === 'shadow'
    const missing = missingWindow(options)
    const jails = options.jails.map(jail => new Jail(jail, options.maxKeys, missing))
    const longest = Math.max(...options.jails.map(({ ban }) => ban))
    const escalation = new Escalation(options.escalate, longest, { owner: FAILBAN, option: 'escalate.max' })
    const lists = new AccessLists(options.allow, options.deny, options.allowOwnAddresses)
    const { store, maxBans } = options
    const onBanned = (ip: string) => this.#responses?.forget(ip)
    const onLifted = (ip: string) => this.#forget(ip)
    const registry = new BanRegistry({ store, lists, escalation, maxBans, isShadow, onLifted })
    this.#options = options
    this.lists = lists
    this.registry = registry
    this.#refusals = new Refusals(options, lists, registry)
    this.#kept = new KeptBans(store, registry, this.#sweeper)
    const passesBans = (path: string | undefined) => this.#refusals.exemptions.covers(path)
    this.#warden = new Warden({ jails, escalation, lists, registry, isShadow, onBanned, passesBans })
    this.#responses = responsesOf(options, jails)
    // Absent where nothing in the answers counts, so that the end of requests need not be watched.
    const responses = this.#responses
    if (responses !== undefined) this.onResponse = (ctx, outcome) => responses.watch(ctx, outcome)
  }

  setup(services: Services): () => void {
    if (this.#isClosed)
      throw new ConfigError({
        owner: FAILBAN,
        option: 'middleware',
        value: FAILBAN,
        allowed: 'one that is not disposed of; build a new failban(), with a store of its own',
      })
    this.#setKeyWidth(services)
    this.lists.learn(services)
    this.registry.learn(services)
    const { clock, events } = services
    const leave = this.#buses.join(events, violation => {
      this.#sweeper.catchUp(clock.monotonic())
      this.#warden.hear(violation)
    })
    if (this.#options.store.sweep !== undefined) this.#sweeper.start(services.clock.monotonic())
    this.#kept.read().catch(() => {})
    return () => {
      this.lists.leave(services)
      leave()
      if (!this.#buses.has(events)) this.registry.leave(events)
    }
  }

  onRequest(ctx: RequestContext): Reply | undefined {
    return this.#refusals.of(ctx)
  }

  async dispose(): Promise<void> {
    this.#isClosed = true
    for (const events of this.#buses.leaveAll()) this.registry.leave(events)
    this.#sweeper.stop()
    this.#closed ??= (async () => this.#options.store.close?.())()
    await this.#closed
  }

  async ready(options: { timeout?: Duration } = {}): Promise<boolean> {
    const { timeout } = checkOptions('failban.ready', options, {
      timeout: optional(duration({ max: '10m' }), 10_000 as never),
    })
    return this.#kept.areReadWithin(timeout)
  }

  find(ip: string): Ban | undefined {
    const asked = canonicalIp(ip) ?? this.idOf(ip)
    const ban = asked === undefined ? undefined : this.registry.covering(asked)
    return ban && shown(this.registry.recordOf(ban))
  }

  list(): readonly Ban[] {
    this.registry.sweep()
    return this.registry.ledger
      .newest(Number.POSITIVE_INFINITY)
      .map(({ ban }) => shown(this.registry.recordOf(ban)))
  }

  async ban(ip: string, options: ManualBan = {}): Promise<Ban> {
    const id = this.idOf(ip)
    if (id === undefined)
      throw new RangeError('failban.ban: neither an address nor a network without host bits')
    if (this.lists.covers(id, this.registry.clock)) throw new RangeError(`failban.ban: ${id} is allowed`)
    const {
      reason,
      duration: length,
      jail,
    } = checkOptions('failban.ban', options, {
      reason: optional(banReason, 'banned by hand'),
      duration: optional(durationOfBan(1), this.#options.jails[0]?.ban ?? 0),
      jail: optional(oneOf(...this.jailNames), MANUAL),
    })
    const expiresAt = length === 'permanent' ? null : this.registry.clock.now() + length
    const record = this.#warden.sentenceByHand(id, jail, reason, expiresAt)
    this.#sweeper.start(this.registry.clock.monotonic())
    const imposed = this.registry.impose(record)
    if (imposed === undefined) throw new RequestError(503, 'There are too many bans that were made by hand')
    this.#forget(id)
    await keptOr(imposed.kept, 'The ban is in force, but is lost at a restart')
    return shown(record)
  }

  async unban(ip: string): Promise<readonly string[]> {
    const asked = canonicalIp(ip) ?? this.idOf(ip)
    if (asked === undefined) return []
    const lifted = [this.#lift(asked)]
    if (!this.#kept.areRead) {
      // What the store still reads would come in force afterwards. That it cannot be read has been
      // told.
      await this.#kept.read().catch(() => {})
      lifted.push(this.#lift(asked))
    }
    await keptOr(
      Promise.all(lifted.map(({ kept }) => kept)),
      'The ban is lifted, but may come back at a restart',
    )
    return [...new Set(lifted.flatMap(({ lifted: bans }) => bans.map(({ record }) => record.ip)))]
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
    for (const {
      record: { jail },
    } of this.registry.ledger.bans())
      byJail.set(jail, (byJail.get(jail) ?? 0) + 1)
    return {
      activeBans: this.registry.ledger.size,
      byJail: Object.fromEntries(byJail),
      violations: this.#warden.violations,
      refusals: this.#refusals.count,
      trackedKeys: this.#warden.trackedKeys,
      evictions: this.registry.evictions + this.#warden.evictions,
    }
  }

  /** The names that a ban may have as its jail. */
  get jailNames(): readonly string[] {
    return [MANUAL, ...this.#options.jails.map(({ name }) => name)]
  }

  idOf(text: string): string | undefined {
    return this.registry.idOf(text)
  }

  /**
   * An admin API answers everything below this path of these pipelines: bans, but not the deny
   * list, let it through.
   */
  exempt(services: Services, path: string): () => void {
    return this.#refusals.exemptions.add(services, path)
  }

  #lift(asked: string): ReturnType<BanRegistry['lift']> {
    const done = this.registry.lift(asked)
    forget(done.kept)
    this.#forget(this.idOf(asked) as string)
    return done
  }

  /** With a network all clients in it, which are counted each by itself. */
  #forget(id: string): void {
    if (this.registry.ledger.isClient(id)) {
      this.#warden.forget(id)
      this.#responses?.forget(id)
      return
    }
    const network = new CidrSet([id])
    this.#warden.forgetWithin(network)
    this.#responses?.forgetWithin(network)
  }

  #sweep(): void {
    const now = this.registry.clock.monotonic()
    this.#sweeper.swept(now)
    this.registry.sweep()
    this.#responses?.sweep(now)
    this.#warden.sweep(now)
    this.#options.store.sweep?.()
  }

  /** Bans are found by client key, so all pipelines must make the same keys. */
  #setKeyWidth({ trust }: Services): void {
    const { key } = trust.resolve('2001:db8::1', undefined)
    const prefix = Number(key?.slice(key.lastIndexOf('/') + 1) ?? 64)
    if (!Number.isInteger(prefix)) return
    const { ledger } = this.registry
    if (this.#buses.size > 0 && ledger.ipv6Prefix !== prefix)
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
