import { directPeer } from '../address/topologies.js'
import type { Trust } from '../address/trust.js'
import type { ErrorRenderer, MapError, Services } from '../contract/context.js'
import type { Middleware } from '../contract/middleware.js'
import type { Diagnosis } from '../diagnosis/diagnosis.js'
import { ConfigError } from '../errors/config-error.js'
import { envelope } from '../errors/envelope.js'
import { problemDetails } from '../errors/problem-details.js'
import { EventBus } from '../events/event-bus.js'
import { bindMethods } from '../kernel/bind-methods.js'
import {
  type Check,
  callback,
  checkOptions,
  flag,
  having,
  list,
  optional,
  refuse,
  text,
} from '../options/check.js'
import { type Duration, duration } from '../options/duration.js'
import { type Clock, systemClock } from '../vocabulary/clock.js'
import { consoleLogger, isolatedLogger, type Logger } from '../vocabulary/logger.js'
import { CompiledPipeline } from './compiled-pipeline.js'
import { disposeUnused, refuseDisposed } from './lifecycle.js'
import { usageOf } from './usage.js'

export interface PipelineOptions {
  /**
   * How the client's address is found. Default `directPeer()`: the socket's address, no header is
   * read.
   */
  trust?: Trust
  /** The form of refusals and errors. Default `envelope()`. */
  errors?: ErrorRenderer
  /**
   * A team's own error classes as refusals. Default: errors are answered by their `status`,
   * otherwise with 500.
   */
  mapError?: MapError
  /** pino's shape. Default: warnings and errors to the console. */
  logger?: Logger
  /** A bus shared with something else. Default: a new one. */
  events?: EventBus
  clock?: Clock
  /**
   * Maximum time for the body of a request to arrive when a middleware reads it. Past it, 408.
   * Default 30 s.
   */
  bodyTimeout?: Duration
  /** Whether a 500 hides its cause. Default: true unless `NODE_ENV` is `development` or `test`. */
  production?: boolean
}

/**
 * What `State` becomes when a middleware adds to it; what it gives again replaces what was there.
 */
export type Add<State, Gives> = Flatten<Omit<State, keyof Gives> & Gives>

type Flatten<T> = { [K in keyof T]: T[K] }

/**
 * `unknown` when all is there, so that the intersection changes nothing; else a type whose name is
 * the error message.
 */
type Satisfies<State, Needs> = State extends Needs
  ? unknown
  : {
      readonly 'needs state that no earlier middleware of this pipeline gives': {
        [K in Lacking<State, Needs>]: Needs[K]
      }
    }

type Lacking<State, Needs> = {
  [K in keyof Needs]: K extends keyof State ? (State[K] extends Needs[K] ? never : K) : K
}[keyof Needs]

/**
 * Middleware in the order in which it sees a request. Immutable: `use` and `branch` return a new
 * one, so a pipeline can be shared and extended.
 *
 * @typeParam State what the middlewares so far have put into `ctx.state`
 */
export class Pipeline<State extends object = {}> {
  private readonly services: Services
  private readonly middleware: readonly Middleware[]
  private readonly given: ReadonlySet<string>
  private readonly parent: Pipeline<object> | undefined
  private compiled: CompiledPipeline | undefined
  private failure: { readonly error: unknown } | undefined
  private disposed: Promise<void> | undefined
  /** Only for the type checker: `State` must show in the shape. */
  declare protected readonly stateType: State

  constructor(
    services: Services,
    middleware: readonly Middleware[],
    given: ReadonlySet<string>,
    parent: Pipeline<object> | undefined,
  ) {
    this.services = services
    this.middleware = middleware
    this.given = given
    this.parent = parent
    bindMethods<Pipeline<State>>(this, 'use', 'branch', 'compile', 'diagnose', 'dispose')
  }

  /** The bus of this pipeline and its branches. */
  get events(): EventBus {
    return this.services.events
  }

  /**
   * Adds a middleware at the end.
   *
   * It is a compile-time error if the middleware needs state that no earlier one gives.
   * @throws ConfigError when it is no middleware or has no name, when it needs what is not given,
   * or when it is already here
   */
  use<Needs extends object = {}, Gives extends object = {}>(
    middleware: Middleware<Needs, Gives> & Satisfies<State, Needs>,
    ...more: never[]
  ): Pipeline<Add<State, Gives>> {
    refuseMore('pipeline.use', more, 'one middleware a call: use(a).use(b)')
    const { added, needs, gives } = checkMiddleware(middleware)
    for (const name of needs) {
      if (this.given.has(name)) continue
      const given = this.given.size === 0 ? 'nothing' : [...this.given].join(', ')
      throw new ConfigError({
        owner: `pipeline.use(${added.name})`,
        option: 'needs',
        value: name,
        allowed: `what an earlier middleware gives (so far: ${given}); mount one that gives "${name}" in front of it`,
      })
    }
    if (this.includes(added)) {
      throw new ConfigError({
        owner: `pipeline.use(${added.name})`,
        option: 'middleware',
        value: added.name,
        allowed: 'each middleware once; build a second one to use it twice',
      })
    }
    usageOf(added)
    const given = new Set([...this.given, ...gives])
    const { services, parent } = this
    return new Pipeline<Add<State, Gives>>(services, [...this.middleware, added], given, parent)
  }

  /**
   * A pipeline for some routes behind this one: it runs only its own middleware, on the same
   * context, and begins with this one's state. On a request that this pipeline did not let through
   * it refuses with 500: it never runs unprotected.
   */
  branch(...more: never[]): Pipeline<State> {
    refuseMore('pipeline.branch', more, 'no options: a branch has those of its parent')
    return new Pipeline<State>(this.services, [], this.given, this as Pipeline<object>)
  }

  /**
   * Makes it ready to run: calls each `setup`. Adapters call this; a pipeline is compiled once,
   * however often it is mounted.
   *
   * @throws ConfigError when it, its parent or one of its middlewares was disposed of before;
   * whatever a `setup` throws, and that again each time, since what was set up by then is closed
   */
  compile(): CompiledPipeline {
    if (this.compiled !== undefined) return this.compiled
    if (this.failure !== undefined) throw this.failure.error
    const { middleware, services } = this
    const parent = this.parent?.compile()
    if (this.disposed !== undefined && middleware[0] !== undefined) {
      refuseDisposed('middleware', middleware[0].name)
    }
    middleware.forEach((one, index) => {
      if (one.mountBehind !== undefined) for (const other of this.earlier(index)) one.mountBehind(other)
    })
    try {
      this.compiled = new CompiledPipeline(middleware, services, parent)
    } catch (error) {
      this.failure = { error }
      throw error
    }
    return this.compiled
  }

  /**
   * What `trust` gets wrong about the topology, from the first 100 requests; `undefined` while
   * nothing is wrong. The pipeline also logs the diagnosis once, as a warning.
   */
  diagnose(): Diagnosis | undefined {
    return this.compiled?.diagnose()
  }

  /**
   * Closes the resources of its middlewares, the last one first, also if it was never compiled.
   * Resources that another compiled pipeline uses stay open. Its compiled branches are disposed of
   * before it.
   *
   * Call it when the server has closed: from the call on, every request is refused with 503, since
   * its middlewares no longer protect. A running request reaches no further middleware, and is
   * refused if one is left. All middlewares are tried; one error is thrown unchanged, several as an
   * `AggregateError`.
   */
  dispose(): Promise<void> {
    this.disposed ??= this.compiled?.dispose() ?? disposeUnused(this.middleware)
    return this.disposed
  }

  /** Those in front of the middleware at an index, of the parents too. */
  private earlier(index: number): readonly Middleware[] {
    const { parent } = this
    const outer = parent === undefined ? [] : parent.earlier(parent.middleware.length)
    return [...outer, ...this.middleware.slice(0, index)]
  }

  private includes(middleware: Middleware): boolean {
    return this.middleware.includes(middleware) || this.parent?.includes(middleware) === true
  }
}

/**
 * An empty pipeline.
 *
 *     const edge = pipeline({ trust: trustedProxies(['10.0.0.0/8']) })
 *       .use(requestId())
 *       .use(rateLimit({ limit: 100, window: '1m' }))
 *
 * @throws ConfigError for a wrong or unknown option
 */
export function pipeline(options: PipelineOptions = {}): Pipeline {
  const checked = checkOptions('pipeline', options, {
    trust: optional(
      having<Trust>(
        'what directPeer(), trustedProxies(), trustedHops() or singleHeader() returns',
        'resolve',
      ),
    ),
    errors: optional(renderer),
    mapError: optional(callback<MapError>('a function (error, ctx) => denial or undefined')),
    logger: optional(having<Logger>("a logger of pino's shape", 'debug', 'info', 'warn', 'error')),
    events: optional(having<EventBus>('an EventBus', 'on', 'emit', 'has')),
    clock: optional(having<Clock>('a clock', 'now', 'monotonic')),
    production: optional(flag),
    bodyTimeout: optional(duration({ min: 1, max: '1h' })),
  })
  const logger = isolatedLogger(checked.logger ?? consoleLogger)
  const services: Services = Object.freeze({
    events: checked.events ?? new EventBus(logger),
    clock: checked.clock ?? systemClock,
    logger,
    errors: checked.errors ?? envelope(),
    mapError: checked.mapError,
    trust: checked.trust ?? directPeer(),
    production: checked.production ?? isProduction(),
    bodyTimeoutMs: checked.bodyTimeout ?? 30_000,
    shared: new Map<symbol, unknown>(),
  })
  return new Pipeline(services, [], new Set(), undefined)
}

/** A factory that was not called would fail at the first refusal. */
const renderer: Check<ErrorRenderer> = (value, at) => {
  if (value === envelope) refuse(at, value, 'envelope(), called')
  if (value === problemDetails) refuse(at, value, 'problemDetails(), called')
  return callback<ErrorRenderer>('envelope(), problemDetails(), or a function (failure, ctx) => Reply')(
    value,
    at,
  )
}

/** In plain JavaScript what is too much would be dropped without a word, and with it a guard. */
function refuseMore(owner: string, more: readonly unknown[], allowed: string): void {
  if (more.length > 0) throw new ConfigError({ owner, option: 'arguments', value: more[0], allowed })
}

/** A server whose `NODE_ENV` was forgotten must not show a stack to its clients. */
function isProduction(): boolean {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } }
  const mode = process?.env?.['NODE_ENV']
  return mode !== 'development' && mode !== 'test'
}

function checkMiddleware(value: unknown) {
  const one = readMiddleware(value)
  if (one === undefined) {
    const allowed =
      typeof value === 'function'
        ? 'what a factory returns (was the factory called?), not a function'
        : 'a middleware: { name, onRequest?, onResponse?, setup? }'
    return refuse({ owner: 'pipeline.use', option: 'middleware' }, value, allowed)
  }
  const name = middlewareName(one.name, { owner: 'pipeline.use', option: 'name' })
  const owner = `pipeline.use(${name})`
  const needs = stateNames(one.needs, { owner, option: 'needs' })
  const gives = stateNames(one.gives, { owner, option: 'gives' })
  return { added: value as Middleware, needs, gives }
}

/** The description that a middleware gives of itself; `undefined` if the value is no middleware. */
function readMiddleware(value: unknown): Pick<Middleware, 'name' | 'needs' | 'gives'> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  try {
    const { name, needs, gives, onRequest, onResponse, mountBehind, setup, dispose } = value as Middleware
    const areHooks = [onRequest, onResponse, mountBehind, setup, dispose].every(
      hook => hook === undefined || typeof hook === 'function',
    )
    const doesSomething = [onRequest, onResponse, setup].some(hook => hook !== undefined)
    return typeof name === 'string' && areHooks && doesSomething
      ? ({ name, needs, gives } as Middleware)
      : undefined
  } catch {
    return undefined
  }
}

/** It is what logs and events call it, and what refusals are counted by. */
const middlewareName = text({
  pattern: /^(?=.*\S)[^\x00-\x1f\x7f]+$/,
  max: 100_000,
  allowed: 'a name, on one line',
})

const stateName = text({
  pattern: /^(?!__proto__$)[^\x00-\x1f\x7f]+$/,
  max: 200,
  allowed: 'a name of state, such as "identity"',
})

const stateNames: Check<readonly string[]> = (value, at) => {
  if (value === undefined) return []
  if (!Array.isArray(value)) return refuse(at, value, 'a list of names of state, ["identity"]')
  return list(stateName, { max: 1000 })(value, at)
}
