import type { Services } from '../contract/context.js'
import type { Middleware } from '../contract/middleware.js'
import { ConfigError } from '../errors/config-error.js'
import { isPromise, type MaybePromise } from '../kernel/maybe-promise.js'
import { type Cleanup, type Usage, usageOf } from './usage.js'

/**
 * Sets up and disposes of the middleware of one compiled pipeline. A middleware that several
 * pipelines have, also unrelated ones, is set up once for each set of services, and disposed of
 * once, with the last of them.
 */
export class Lifecycle {
  /** Set by the call of `dispose()`, before anything is closed. */
  isDisposed = false
  private readonly middleware: readonly Middleware[]
  private readonly services: Services
  private readonly parent: Lifecycle | undefined
  /** Those that are set up, in the order of their setup. */
  private readonly branches = new Set<Lifecycle>()
  private pending: readonly Cleanup[] = []
  private closed: Promise<readonly unknown[]> | undefined = undefined

  /**
   * Sets the middleware up. When one setup fails, it and those before it are closed, except what
   * another pipeline has.
   *
   * @throws ConfigError for a middleware or a parent that was disposed of, and for a setup that
   * returns a wrong value; whatever a setup throws
   */
  constructor(middleware: readonly Middleware[], services: Services, parent: Lifecycle | undefined) {
    this.middleware = middleware
    this.services = services
    this.parent = parent
    if (parent?.isDisposed) refuseDisposed('parent', 'disposed of')
    this.open()
    parent?.branches.add(this)
  }

  /**
   * Closes the branches, then the middleware, the last one first. All are tried; one error is
   * thrown as it is, several as an `AggregateError`. A second call returns the result of the first.
   */
  async dispose(): Promise<void> {
    raise(await this.close())
  }

  private open(): void {
    const { middleware, services } = this
    const closed = middleware.find(one => usageOf(one)?.isClosed)
    if (closed !== undefined) refuseDisposed('middleware', closed.name)
    const begun: Middleware[] = []
    try {
      for (const one of middleware) {
        begun.push(one)
        enter(one, services)
      }
    } catch (error) {
      void runAll(leave(begun, services)).then(errors => {
        for (const err of errors)
          services.logger.error({ err }, 'what a failed setup left could not be closed')
      })
      throw error
    }
  }

  /** All at once, so that no branch serves a request while another one is closing. */
  private end(): void {
    if (this.isDisposed) return
    this.isDisposed = true
    for (const branch of this.lastFirst()) branch.end()
    this.pending = leave(this.middleware, this.services)
  }

  private close(): Promise<readonly unknown[]> {
    this.end()
    this.closed ??= this.closeAll()
    return this.closed
  }

  private async closeAll(): Promise<readonly unknown[]> {
    const errors: unknown[] = []
    for (const branch of this.lastFirst()) errors.push(...(await branch.close()))
    errors.push(...(await runAll(this.pending)))
    this.parent?.branches.delete(this)
    return errors
  }

  private lastFirst(): readonly Lifecycle[] {
    return [...this.branches].reverse()
  }
}

/**
 * Disposes of what no compiled pipeline has: a factory may have opened something although no
 * pipeline ran it.
 */
export async function disposeUnused(middleware: readonly Middleware[]): Promise<void> {
  raise(await runAll(middleware.toReversed().flatMap(one => closeUnused(one, usageOf(one)))))
}

/** @throws ConfigError */
export function refuseDisposed(option: 'middleware' | 'parent', value: string): never {
  throw new ConfigError({ owner: 'pipeline.compile', option, value, allowed: 'one that is not disposed of' })
}

function enter(middleware: Middleware, services: Services): void {
  const usage = usageOf(middleware)
  if (usage === undefined) return
  const user = usage.users.get(services)
  if (user !== undefined) user.pipelines++
  else usage.users.set(services, { pipelines: 1, cleanup: setUp(middleware, services) })
}

function setUp(middleware: Middleware, services: Services): Cleanup | undefined {
  const result: unknown = middleware.setup?.(services)
  if (result === undefined || typeof result === 'function') return result as Cleanup | undefined
  // Without a handler its rejection would end the process.
  if (isPromise(result)) result.then(undefined, () => {})
  throw new ConfigError({
    owner: `pipeline.use(${middleware.name})`,
    option: 'setup',
    value: result,
    allowed: isPromise(result)
      ? 'a function that is done when it returns: requests would come before a promise is settled'
      : 'a function that returns nothing or a cleanup function',
  })
}

/** @returns what is to be called now, the last middleware first */
function leave(middleware: readonly Middleware[], services: Services): readonly Cleanup[] {
  return middleware.toReversed().flatMap(one => {
    const usage = usageOf(one)
    const user = usage?.users.get(services)
    // Without a user, its setup has failed.
    if (user === undefined) return closeUnused(one, usage)
    if (--user.pipelines > 0) return []
    usage?.users.delete(services)
    return [...(user.cleanup === undefined ? [] : [user.cleanup]), ...closeUnused(one, usage)]
  })
}

function closeUnused(middleware: Middleware, usage: Usage | undefined): readonly Cleanup[] {
  if (usage === undefined || usage.isClosed || usage.users.size > 0) return []
  if (middleware.dispose === undefined) return []
  usage.isClosed = true
  return [() => middleware.dispose?.() as MaybePromise<void>]
}

/** @returns what they threw */
async function runAll(cleanups: readonly Cleanup[]): Promise<readonly unknown[]> {
  const errors: unknown[] = []
  for (const cleanup of cleanups) {
    try {
      await cleanup()
    } catch (error) {
      errors.push(error)
    }
  }
  return errors
}

function raise(errors: readonly unknown[]): void {
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw new AggregateError(errors, 'several middlewares failed to dispose')
}
