import {
  type Clock,
  type MaybePromise,
  type Services,
  systemClock,
  wrongResult,
} from '@palisade/core/middleware'
import { LRUCache } from 'lru-cache'
import { inTime, LONGEST_MS } from './in-time.js'
import { compileIssuer } from './issuer.js'
import { type CheckedIssuer, type IssuerOptions, issuerObject } from './issuer-options.js'
import type { Issuer, Issuers } from './issuers.js'
import type { KeySource } from './keys.js'

/**
 * Finds the issuer of a token at run time, as a service with many customers has one for each.
 * Returns its options, or nothing for an issuer that may not sign.
 */
export type FindIssuer = (
  iss: string,
) => MaybePromise<(Omit<IssuerOptions, 'issuer'> & { issuer?: string }) | null | undefined>

const MOST_ISSUERS = 1000
/** Apart from those that were found, so that made-up names cannot push them out. */
const MOST_UNKNOWN = 1000
const FOUND_MS = 300_000
const UNKNOWN_MS = 30_000
const MOST_IN_FLIGHT = 100
/** A name that is longer, or cannot be printed, is not worth a question. */
const NAME = /^[\x21-\x7e]{1,500}$/

interface Found {
  readonly options: CheckedIssuer
  readonly issuer: Issuer
  readonly keys: RetirableKeys
  until: number
}

/**
 * Issuers that a function of the team's finds. Any client can name an issuer in a token that is not
 * signed. Therefore the names are bounded in length, the answers are kept, each name is asked for
 * once at a time, and only so many at a time. The result is compiled as a configuration is.
 */
export class FoundIssuers implements Issuers {
  readonly #ask: FindIssuer
  readonly #found: LRUCache<string, Found>
  readonly #unknown = new LRUCache<string, number>({ max: MOST_UNKNOWN })
  readonly #inFlight = new Map<string, Promise<Issuer | undefined>>()
  readonly #closing = new Set<Promise<void>>()
  #clock: Clock = systemClock
  #services: Services | undefined

  constructor(ask: FindIssuer) {
    this.#ask = ask
    this.#found = new LRUCache<string, Found>({
      max: MOST_ISSUERS,
      dispose: ({ keys }) => {
        this.#retire(keys)
      },
    })
  }

  setup(services: Services): void {
    this.#services = services
    this.#clock = services.clock
    for (const { keys } of this.#found.values()) keys.setup(services)
  }

  async dispose(): Promise<void> {
    this.#found.clear()
    this.#unknown.clear()
    await Promise.all(this.#closing)
  }

  /**
   * @throws TypeError when the function returned something else
   * @throws ConfigError when it returned options that are wrong
   */
  find(iss: string): MaybePromise<Issuer | undefined> {
    if (!NAME.test(iss)) return undefined
    const now = this.#clock.monotonic()
    const found = this.#found.get(iss)
    if (found !== undefined && found.until > now) return found.issuer
    if ((this.#unknown.get(iss) ?? 0) > now) return undefined
    const asked = this.#inFlight.get(iss)
    if (asked !== undefined) return asked
    if (this.#inFlight.size >= MOST_IN_FLIGHT) throw new Error('too many issuers are looked up')
    const answer = this.#lookUp(iss).finally(() => this.#inFlight.delete(iss))
    this.#inFlight.set(iss, answer)
    return answer
  }

  async #lookUp(iss: string): Promise<Issuer | undefined> {
    const answer: unknown = await inTime(
      LONGEST_MS,
      async () => this.#ask(iss),
      'the function "issuers" did not answer in time',
    )
    const now = this.#clock.monotonic()
    if (answer === undefined || answer === null) {
      this.#found.delete(iss)
      this.#unknown.set(iss, now + UNKNOWN_MS)
      return undefined
    }
    if (typeof answer !== 'object') throw wrongResult('issuers', answer, 'options of an issuer, or nothing')
    return this.#keep(iss, issuerObject({ issuer: iss, ...answer }, AT), now)
  }

  #keep(iss: string, options: CheckedIssuer, now: number): Issuer {
    const known = this.#found.get(iss)
    if (known !== undefined && isSame(known.options, options)) {
      known.until = now + FOUND_MS
      return known.issuer
    }
    const compiled = compileIssuer(options, AT).find(({ name }) => name === iss)
    if (compiled === undefined)
      throw new TypeError('the function "issuers" returned another issuer than it was asked for')
    const keys = new RetirableKeys(compiled.keys)
    const issuer = { ...compiled, keys }
    if (this.#services !== undefined) keys.setup(this.#services)
    this.#found.set(iss, { options, issuer, keys, until: now + FOUND_MS })
    return issuer
  }

  #retire(keys: RetirableKeys): void {
    const closed = keys.dispose().finally(() => this.#closing.delete(closed))
    this.#closing.add(closed)
  }
}

const AT = Object.freeze({ owner: 'jwt', option: 'issuers(iss)' })

/** Keys of an issuer that may be taken away: then tokens that they verified are verified anew. */
class RetirableKeys implements KeySource {
  readonly #keys: KeySource
  #isRetired = false

  constructor(keys: KeySource) {
    this.#keys = keys
  }

  get epoch(): number {
    return this.#isRetired ? -1 : this.#keys.epoch
  }

  keysFor(header: Parameters<KeySource['keysFor']>[0]): ReturnType<KeySource['keysFor']> {
    return this.#keys.keysFor(header)
  }

  setup(services: Services): void {
    this.#keys.setup?.(services)
  }

  async dispose(): Promise<void> {
    this.#isRetired = true
    await this.#keys.dispose?.()
  }
}

/** Whether options say the same, so that keys that were fetched need not be fetched again. */
function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  const isPlain = (value: object) =>
    [Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value))
  if (!isPlain(one) || !isPlain(other)) return false
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length &&
    names.every(name =>
      isSame((one as Record<string, unknown>)[name], (other as Record<string, unknown>)[name]),
    )
  )
}
