import { consoleLogger, type EventBus, type PalisadeEvents } from '@palisade/core'
import {
  type ClientAddress,
  type Clock,
  isPromise,
  type Logger,
  type MaybePromise,
  type Services,
  systemClock,
} from '@palisade/core/middleware'
import type { AccessLists } from '../lists/access-lists.js'
import type { BanStore, ProcessBans } from '../stores/store.js'
import { Archive } from './archive.js'
import { type BanRecord, MANUAL } from './ban.js'
import { banId } from './ban-id.js'
import { checkedRecord } from './checked-record.js'
import { CONSEQUENCES, type Operation } from './consequences.js'
import type { Escalation } from './escalation.js'
import { fitRecord } from './fit-record.js'
import { HeldBan, Offset } from './held-ban.js'
import { Ledger } from './ledger.js'

export interface RegistryOptions {
  readonly store: BanStore
  readonly lists: AccessLists
  readonly escalation: Escalation
  readonly maxBans: number
  readonly isShadow: boolean
  /** All counters of an address or network are to be forgotten. */
  readonly onLifted: (ip: string) => void
}

/**
 * The bans in force: made, found, lifted, expired, restored, kept in a store and emitted as events.
 */
export class BanRegistry implements ProcessBans {
  clock: Clock = systemClock
  logger: Logger = consoleLogger
  /** Bans that had to go because there were too many. */
  evictions = 0
  readonly ledger = new Ledger()
  readonly #options: RegistryOptions
  readonly #archive: Archive
  readonly #buses = new Set<EventBus>()
  /** Those of before a pipeline could be told. */
  #failures: Failure[] = []
  #lastFailure: Failure | undefined = undefined
  readonly #offset = new Offset()

  constructor(options: RegistryOptions) {
    this.#options = options
    this.#archive = new Archive(options.maxBans)
  }

  learn({ clock, logger, events }: Services): void {
    this.#useClock(clock)
    this.logger = logger
    this.#buses.add(events)
    for (const { operation, error } of this.#failures.splice(0))
      events.emit('security:store-error', { operation, error })
    // Bans of before this pipeline said which proxies are its own.
    this.liftAllowed()
  }

  /** Nothing more is told there. */
  leave(events: EventBus): void {
    this.#buses.delete(events)
  }

  /** The one text of an address or network, in any notation, by which its ban is known. */
  idOf(text: string): string | undefined {
    return banId(text, this.ledger.ipv6Prefix)
  }

  /**
   * The ban of a client. Allocates nothing if the client is not banned.
   *
   * @param now monotonic
   */
  of(client: ClientAddress, now: number): HeldBan | undefined {
    let ban = this.ledger.of(client)
    while (ban?.isOver(now)) {
      this.#expire(ban)
      ban = this.ledger.of(client)
    }
    return ban
  }

  /**
   * Every ban that contains the whole address or network, the one that lasts longest first, those
   * that are just over among them. An address in a translator's prefix is banned by its IPv4
   * address, its id, too.
   */
  containing(text: string): readonly HeldBan[] {
    return this.ledger.containing(text, this.idOf(text))
  }

  /** The ban that contains the whole address or network, the longest of several. */
  covering(text: string): HeldBan | undefined {
    const now = this.clock.monotonic()
    return this.containing(text).find(ban => !ban.isOver(now))
  }

  /** The record of a ban, with the times that the machine's clock gives them now. */
  recordOf(ban: HeldBan): BanRecord {
    return ban.recordAt(this.#offset.of(this.clock))
  }

  /** The last ban of an address by a jail, for as long as it counts. */
  lastOf(id: string, jail: string): BanRecord | undefined {
    const current = this.ledger.get(id)
    const last = current?.record.jail === jail ? current : this.#archive.find(id, jail)
    return last && this.recordOf(last)
  }

  /**
   * Puts a ban in force, at once, and has it kept. `undefined` when one that lasts as long is in
   * force, or nothing can make room for it. The promise settles when it is kept.
   */
  impose(record: BanRecord): { readonly kept: MaybePromise<void> } | undefined {
    if (!this.#admit(new HeldBan(record, this.#offset.of(this.clock)))) return undefined
    // Before anybody hears of it: a listener may lift it again, and the last step is the one that
    // is kept.
    const kept = this.#keep('save', () => this.#options.store.save(record))
    for (const events of this.#buses) {
      if (!events.has('security:banned')) continue
      const { ip, jail, reason, expiresAt, violations, banCount, shadow } = record
      events.emit('security:banned', { ip, jail, reason, expiresAt, violations, banCount, shadow })
    }
    return { kept }
  }

  /**
   * Lifts every ban that contains the address or network, with what was counted and remembered for
   * it.
   */
  lift(text: string): { readonly lifted: readonly HeldBan[]; readonly kept: MaybePromise<unknown> } {
    const now = this.clock.monotonic()
    const lifted: HeldBan[] = []
    for (const ban of this.containing(text)) {
      if (ban.isOver(now)) this.#expire(ban)
      else lifted.push(ban)
    }
    const kept = lifted.map(ban => this.#remove(ban, 'manual'))
    return { lifted, kept: kept.some(isPromise) ? Promise.all(kept) : undefined }
  }

  /** After the allow list has grown: bans that it covers end. */
  liftAllowed(): void {
    for (const ban of [...this.ledger.bans()])
      if (this.#options.lists.covers(ban.record.ip, this.clock)) forget(this.#remove(ban, 'allow'))
  }

  /**
   * Takes what the store has kept, also before there is a pipeline: a rewrite of the store takes
   * everything from here.
   */
  restore(records: Iterable<BanRecord>): void {
    let unreadable = 0
    for (const record of records) if (!this.#receive(record)) unreadable++
    if (unreadable > 0)
      this.logger.warn({ records: unreadable }, 'records of the store of bans are no bans, and were skipped')
  }

  /** Ends what is over. */
  sweep(): void {
    for (const ban of this.ledger.over(this.clock.monotonic())) this.#expire(ban)
    const [now, offset] = [this.clock.now(), this.#offset.of(this.clock)]
    this.#archive.prune(ban => this.#options.escalation.remembers(ban.recordAt(offset), now))
  }

  *records(): Generator<BanRecord> {
    const offset = this.#offset.of(this.clock)
    for (const ban of this.#all()) yield ban.recordAt(offset)
  }

  /**
   * One that fails for one reason, such as a file that another process has, does so at each ban:
   * that is logged once, and told each time.
   */
  storeFailed(operation: Operation, error: unknown, consequence = CONSEQUENCES[operation]): void {
    const isRepeated = this.#lastFailure?.operation === operation && this.#lastFailure.error === error
    this.#lastFailure = { operation, error }
    if (!isRepeated) this.logger.error({ err: error, operation }, consequence)
    if (this.#buses.size === 0) this.#failures.push({ operation, error })
    for (const events of this.#buses) events.emit('security:store-error', { operation, error })
  }

  /**
   * A ban from elsewhere is held against today's mode, lists and durations. False for what is no
   * record of a ban.
   */
  #receive(given: unknown): boolean {
    const record = checkedRecord(given)
    if (record === undefined) return false
    const { lists, escalation, isShadow, store } = this.#options
    if (record.shadow && !isShadow) return true
    if (lists.covers(record.ip, this.clock)) {
      forget(this.#keep('remove', () => store.remove(record.ip)))
      return true
    }
    const now = this.clock.now()
    const fitting = fitRecord(record, escalation.longest, now)
    const ban = new HeldBan(fitting, this.#offset.of(this.clock))
    if (!ban.isOver(this.clock.monotonic()) && this.#admit(ban)) return true
    if (escalation.remembers(fitting, now)) this.#archive.put(ban)
    return true
  }

  #admit(ban: HeldBan): boolean {
    const { ip, source } = ban.record
    const current = this.ledger.get(ip)
    if (current !== undefined) {
      if (current.isOver(this.clock.monotonic())) this.#expire(current)
      else if (current.endsAt >= ban.endsAt && source !== MANUAL) return false
      else this.#archive.put(current)
    } else if (this.ledger.size >= this.#options.maxBans && !this.#makeRoom()) return false
    this.ledger.put(ban)
    return true
  }

  /**
   * Evicts the oldest ban that was not made by hand: it is the nearest to its end, and another
   * violation brings it back.
   */
  #makeRoom(): boolean {
    for (const ban of this.ledger.bans()) {
      if (ban.record.source === MANUAL) continue
      if (ban.isOver(this.clock.monotonic())) this.#expire(ban)
      else this.#evict(ban)
      return true
    }
    return false
  }

  #evict(ban: HeldBan): void {
    const { ip } = ban.record
    this.evictions++
    this.ledger.remove(ip)
    forget(this.#keep('remove', () => this.#options.store.remove(ip)))
    this.#tell(ban, 'evicted')
  }

  #expire(ban: HeldBan): void {
    this.ledger.remove(ban.record.ip)
    this.#archive.put(ban)
    this.#tell(ban, 'expired')
  }

  #remove(ban: HeldBan, cause: 'manual' | 'allow'): MaybePromise<void> {
    const { ip } = ban.record
    this.ledger.remove(ip)
    this.#archive.forget(ip)
    this.#options.onLifted(ip)
    const kept = this.#keep('remove', () => this.#options.store.remove(ip))
    this.#tell(ban, cause)
    return kept
  }

  #tell({ record: { ip, jail, expiresAt } }: HeldBan, cause: Cause): void {
    for (const events of this.#buses)
      if (events.has('security:unbanned')) events.emit('security:unbanned', { ip, jail, expiresAt, cause })
  }

  *#all(): Generator<HeldBan> {
    yield* this.#archive.bans()
    yield* this.ledger.bans()
  }

  /**
   * Bans may have been read before a pipeline had a clock, whose monotonic time counts from another
   * moment.
   */
  #useClock(clock: Clock): void {
    if (clock === this.clock) return
    const before = this.#offset.of(this.clock)
    this.clock = clock
    const by = this.#offset.of(clock) - before
    for (const ban of this.#all()) ban.rebase(by)
  }

  #keep(operation: Operation, act: () => MaybePromise<void>): MaybePromise<void> {
    try {
      const kept = act()
      if (!isPromise(kept)) return undefined
      return Promise.resolve(kept).catch((error: unknown) => this.#failed(operation, error))
    } catch (error) {
      return Promise.reject(error).catch((thrown: unknown) => this.#failed(operation, thrown))
    }
  }

  #failed(operation: Operation, error: unknown): never {
    this.storeFailed(operation, error)
    throw error
  }
}

type Cause = PalisadeEvents['security:unbanned']['cause']

interface Failure {
  readonly operation: Operation
  readonly error: unknown
}

/** The promise is not awaited; a failure has been emitted already. */
export function forget(kept: MaybePromise<unknown>): void {
  if (isPromise(kept)) kept.then(undefined, () => {})
}
