import type { Services } from '../contract/context.js'
import type { Middleware } from '../contract/middleware.js'
import { ConfigError } from '../errors/config-error.js'
import { isPromise } from '../kernel/maybe-promise.js'

/**
 * Which middlewares of one `pipeline()` call are in use, whatever was built on it: each is closed once, when the last pipeline that has it is
 * disposed of, and none that is closed is ever run.
 */
export class Upkeep {
  private readonly services: Services
  /** How many compiled pipelines have it. */
  private readonly users = new Map<Middleware, number>()
  private readonly closed = new Set<Middleware>()

  constructor(services: Services) {
    this.services = services
  }

  /**
   * Sets up what a pipeline is made of. When one fails, it and those that were set up before it are closed, but for what another pipeline has.
   *
   * @throws ConfigError for what is closed, and for a setup that is not done when it returns; whatever a setup throws
   */
  open(middleware: readonly Middleware[]): void {
    const gone = middleware.find(one => this.closed.has(one))
    if (gone !== undefined) refuseClosed(gone)
    this.count(middleware, 1)
    const begun: Middleware[] = []
    try {
      for (const one of middleware) {
        begun.push(one)
        this.setUp(one)
      }
    } catch (error) {
      this.count(middleware, -1)
      this.close(begun).catch(left =>
        this.services.logger.error({ err: left }, 'what a failed setup left could not be closed'),
      )
      throw error
    }
  }

  /** A compiled pipeline goes, and with it what no other one has. All are tried, the last one first; the first error is thrown. */
  async leave(middleware: readonly Middleware[]): Promise<void> {
    this.count(middleware, -1)
    await this.close(middleware)
  }

  /** Closes what no compiled pipeline has: what a factory opened is open also where nobody ran it. */
  async close(middleware: readonly Middleware[]): Promise<void> {
    const unused = middleware.filter(one => (this.users.get(one) ?? 0) === 0 && !this.closed.has(one))
    for (const one of unused) this.closed.add(one)
    const errors: unknown[] = []
    for (const one of unused.reverse()) {
      try {
        await one.dispose?.(this.services)
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length === 1) throw errors[0]
    if (errors.length > 1) throw new AggregateError(errors, 'several middlewares failed to dispose')
  }

  private count(middleware: readonly Middleware[], by: 1 | -1): void {
    for (const one of middleware) this.users.set(one, (this.users.get(one) ?? 0) + by)
  }

  private setUp(middleware: Middleware): void {
    const done: unknown = middleware.setup?.(this.services)
    if (!isPromise(done)) return
    // Nobody waits for it, and its rejection would end the process.
    done.then(undefined, () => {})
    throw new ConfigError({
      owner: `pipeline.use(${middleware.name})`,
      option: 'setup',
      value: done,
      allowed: 'a function that is done when it returns: requests would come before a promise is settled',
    })
  }
}

export function refuseClosed(middleware: Middleware): never {
  throw new ConfigError({
    owner: 'pipeline.compile',
    option: 'middleware',
    value: middleware.name,
    allowed: 'one that is not disposed of',
  })
}
