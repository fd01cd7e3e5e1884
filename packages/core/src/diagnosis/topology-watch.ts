import type { Trust } from '../address/trust.js'
import type { Logger } from '../vocabulary/logger.js'
import type { Diagnosis } from './diagnosis.js'
import { diagnose } from './findings.js'
import { isProbe, type Observed, Observer } from './sighting.js'
import { Tally } from './tally.js'

interface Services {
  readonly trust: Trust
  readonly logger: Logger
}

/** Requests of clients that are looked at, and all requests with the health checks among them. */
const MOST_REQUESTS = 100
const MOST_LOOKED_AT = 1000
/** Every so many requests the rules are asked. */
const STEP = 10

/**
 * Recognises a topology that `trust` does not fit, from the first requests of a pipeline. It logs
 * one line at most. Afterwards it holds the diagnosis alone, and the pipeline does not call it any
 * more.
 */
export class TopologyWatch {
  private readonly services: Services
  private observer: Observer | undefined = undefined
  private tally: Tally | undefined = undefined
  private lookedAt = 0
  private found: Diagnosis | undefined = undefined

  constructor(services: Services) {
    this.services = services
  }

  /** Looks at a request. @returns whether there is more to see */
  look(ctx: Observed): boolean {
    try {
      if (this.found !== undefined) return this.end()
      if (++this.lookedAt > MOST_LOOKED_AT) return this.end()
      if (isProbe(ctx)) return true
      this.observer ??= new Observer()
      const { observer } = this
      this.tally ??= new Tally(ip => observer.placeOf(ip))
      this.tally.add(observer.see(ctx))
      if (this.tally.requests % STEP !== 0) return true
      if (this.ask() !== undefined || this.tally.requests >= MOST_REQUESTS) return this.end()
      return true
    } catch (error) {
      // A trust of the team's own may throw: the request itself will meet that.
      this.services.logger.debug({ err: error }, 'the topology could not be looked at')
      return this.end()
    }
  }

  /** The diagnosis from the requests so far. */
  get diagnosis(): Diagnosis | undefined {
    return this.found ?? this.ask()
  }

  private ask(): Diagnosis | undefined {
    if (this.tally === undefined) return undefined
    const found = diagnose(this.tally, this.services.trust)
    if (found === undefined) return undefined
    this.found = found
    this.tally = undefined
    const { code, message, remedy, counts } = found
    this.services.logger.warn({ code, remedy, ...counts }, message)
    return found
  }

  private end(): false {
    this.tally = undefined
    this.observer = undefined
    return false
  }
}
