import type { Server } from 'node:http'
import process from 'node:process'
import type { EventBus, EventName, PalisadeEvents } from '@palisade/core'
import type { Clock, Logger } from '@palisade/core/middleware'
import type { Lifecycle } from '../lifecycle.js'
import { Connections } from './connections.js'
import { type CheckedHandler, handler, runHandler, type ShutdownHandler } from './handlers.js'
import { signalGate } from './signals.js'

/**
 * `serving`, `draining` with the listener open, `closing` without it, `finishing` with the team's
 * handlers, `ended`.
 */
export type ShutdownPhase = 'serving' | 'draining' | 'closing' | 'finishing' | 'ended'

export interface ShutdownResult {
  /**
   * 0; 1 when requests were cut, or handlers failed or outlasted the whole time; 128 + n when the
   * signal n came a second time.
   */
  readonly code: number
  readonly reason: string
  /** Requests that were cut. */
  readonly cut: number
  readonly durationMs: number
  /** What the handlers threw, and those that took too long. */
  readonly errors: readonly Error[]
}

export interface GracefulShutdown {
  readonly lifecycle: Lifecycle
  readonly phase: ShutdownPhase
  /** Requests whose response has not ended. */
  readonly inFlight: number
  /**
   * One more handler; it runs before those that were there.
   *
   * @returns a function that takes it away
   * @throws ConfigError
   */
  add(handler: ShutdownHandler): () => void
  /**
   * Begins, as the first signal does. Resolves when everything has ended, just before the process
   * exits; never rejects. Not to be awaited in a request, for whose end it waits.
   */
  start(reason?: string): Promise<ShutdownResult>
  /** Takes everything back: signals, listeners. For tests and servers that end in another way. */
  dispose(): void
}

/** The part of a `Pipeline` that is used. */
export interface ShutdownPipeline {
  readonly events: EventBus
  dispose(): Promise<void>
}

export interface ShutdownRules {
  readonly lifecycle: Lifecycle
  readonly pipeline: ShutdownPipeline | undefined
  readonly handlers: readonly CheckedHandler[]
  readonly handlerTimeoutMs: number
  readonly delayMs: number
  readonly timeoutMs: number
  readonly lingerMs: number
  readonly retryAfterSeconds: number
  readonly signals: readonly NodeJS.Signals[]
  readonly logger: Logger
  readonly clock: Clock
  readonly exit: (code: number) => void
}

/** The six steps, see `gracefulShutdown()`. */
export class Shutdown implements GracefulShutdown {
  readonly lifecycle: Lifecycle
  readonly #rules: ShutdownRules
  readonly #servers: readonly Connections[]
  readonly #onSignal: (signal: NodeJS.Signals) => void
  readonly #ended: Promise<ShutdownResult>
  readonly #errors: Error[] = []
  #handlers: readonly CheckedHandler[]
  #resolve: (result: ShutdownResult) => void = () => {}
  #phase: ShutdownPhase = 'serving'
  #reason = ''
  #startedAt = 0
  #cut = 0
  #wasForced = false
  #hardTimer: NodeJS.Timeout | undefined

  constructor(servers: readonly Server[], rules: ShutdownRules) {
    this.lifecycle = rules.lifecycle
    this.#rules = rules
    this.#handlers = rules.handlers
    const settleMs = Math.floor((rules.timeoutMs - rules.delayMs) / 3)
    this.#servers = servers.map(server => new Connections(server, { ...rules, settleMs }))
    this.#ended = new Promise(resolve => {
      this.#resolve = resolve
    })
    this.#onSignal = signalGate({
      clock: rules.clock,
      onFirst: signal => void this.start(signal),
      onForce: (signal, code) => this.#force(`a second ${signal}`, code),
    })
    for (const signal of rules.signals) process.on(signal, this.#onSignal)
  }

  get phase(): ShutdownPhase {
    return this.#phase
  }

  get inFlight(): number {
    return this.#servers.reduce((sum, { inFlight }) => sum + inFlight, 0)
  }

  add(given: ShutdownHandler): () => void {
    const added = handler(given, { owner: 'gracefulShutdown.add', option: 'handler' })
    this.#handlers = [...this.#handlers, added]
    return () => {
      this.#handlers = this.#handlers.filter(one => one !== added)
    }
  }

  start(reason = 'start()'): Promise<ShutdownResult> {
    if (this.#phase === 'serving') {
      this.#reason = reason
      this.#run().catch(error => this.#fail(error))
    }
    return this.#ended
  }

  dispose(): void {
    clearTimeout(this.#hardTimer)
    for (const signal of this.#rules.signals) process.off(signal, this.#onSignal)
    for (const server of this.#servers) server.dispose()
  }

  async #run(): Promise<void> {
    const { clock, delayMs, lifecycle, logger, timeoutMs } = this.#rules
    this.#phase = 'draining'
    // It keeps the process alive on purpose, unlike every other timer. Otherwise a handler that
    // waits for nothing the loop knows of would end the process in the middle, with exit code 0. It
    // lasts as long as the shutdown.
    this.#hardTimer = setTimeout(() => this.#force('its time is up', 1), timeoutMs)
    this.#startedAt = clock.monotonic()
    try {
      lifecycle.drain(this.#reason)
    } catch (error) {
      logger.error({ err: error }, 'the lifecycle failed')
    }
    logger.info({ reason: this.#reason, in_flight: this.inFlight }, 'shutting down')
    this.#emit('shutdown:started', { signal: this.#reason })
    if (delayMs > 0) {
      for (const server of this.#servers) this.#safely(() => server.drain())
      await pause(delayMs)
    }
    if (this.#hasEnded) return
    await Promise.all(this.#servers.map(server => this.#settled(server)))
    if (this.#hasEnded) return

    this.#phase = 'closing'
    for (const server of this.#servers) this.#safely(() => server.close())
    await this.#untilEmpty(timeoutMs - this.#elapsed() - this.#timeForHandlers())
    if (this.#hasEnded) return
    if (!this.#wasForced) this.#emit('shutdown:drained', { durationMs: this.#elapsed() })

    this.#phase = 'finishing'
    await this.#runHandlers()
    if (this.#hasEnded) return
    this.#end(this.#wasForced || this.#errors.length > 0 ? 1 : 0)
  }

  async #settled(server: Connections): Promise<void> {
    try {
      await server.settle()
    } catch (error) {
      this.#errors.push(new Error('a step of the shutdown failed', { cause: error }))
    }
  }

  /**
   * So that a request that never ends does not take the time that the handlers need to save what
   * they hold.
   */
  #timeForHandlers(): number {
    const { handlerTimeoutMs, pipeline, timeoutMs } = this.#rules
    const handlers = this.#handlers.reduce((sum, { timeout }) => sum + (timeout ?? handlerTimeoutMs), 0)
    return Math.min(handlers + (pipeline === undefined ? 0 : handlerTimeoutMs), Math.floor(timeoutMs / 3))
  }

  /**
   * Until no connection is left, or the time for that is up: then the rest is cut. A request that
   * has not arrived by then was never accepted.
   */
  async #untilEmpty(limitMs: number): Promise<void> {
    const empty = Promise.all(this.#servers.map(server => server.whenEmpty())).then(() => true)
    const limit = pause(Math.max(1, limitMs))
    const isEmpty = await Promise.race([empty, limit.then(() => false)])
    limit.cancel()
    if (isEmpty || this.#hasEnded) return
    if (this.inFlight > 0) this.#cutConnections('requests did not end in time')
    else for (const server of this.#servers) this.#safely(() => server.closeIdle())
  }

  async #runHandlers(): Promise<void> {
    const { handlerTimeoutMs, logger, pipeline } = this.#rules
    const steps = [...this.#handlers].reverse()
    if (pipeline !== undefined)
      steps.push({ name: 'pipeline', run: () => pipeline.dispose(), timeout: undefined })
    for (const step of steps) {
      const error = await runHandler(step, step.timeout ?? handlerTimeoutMs)
      if (this.#hasEnded) return
      if (error === undefined) continue
      this.#errors.push(error)
      logger.error({ err: error, handler: step.name }, 'a shutdown handler failed')
    }
  }

  /** A step failed, so the rest of the steps is lost; the process must end all the same. */
  #fail(error: unknown): void {
    this.#errors.push(error instanceof Error ? error : new Error(String(error)))
    this.#safely(() => this.#rules.logger.error({ err: error }, 'the shutdown failed'))
    this.#force('the shutdown failed', 1)
  }

  #force(why: string, code: number): void {
    if (this.#hasEnded) return
    this.#safely(() => this.#cutConnections(why))
    this.#end(code)
  }

  /** What a server, a logger or a listener throws must not keep the process from its end. */
  #safely<T>(step: () => T): T | undefined {
    try {
      return step()
    } catch (error) {
      this.#errors.push(new Error('a step of the shutdown failed', { cause: error }))
      return undefined
    }
  }

  #cutConnections(why: string): void {
    const open = this.inFlight
    this.#cut += open
    this.#wasForced = true
    this.#rules.logger.warn({ open, reason: why, phase: this.#phase }, 'the shutdown is forced')
    this.#emit('shutdown:forced', { open })
    for (const server of this.#servers) this.#safely(() => server.destroy())
  }

  #end(wanted: number): void {
    this.#phase = 'ended'
    for (const server of this.#servers) this.#safely(() => server.destroy())
    this.#safely(() => this.dispose())
    const durationMs = this.#safely(() => this.#elapsed()) ?? 0
    const code = wanted === 0 && this.#errors.length > 0 ? 1 : wanted
    const fields = { code, duration_ms: Math.round(durationMs), cut: this.#cut }
    this.#safely(() => this.#rules.logger.info(fields, 'shut down'))
    this.#resolve({ code, reason: this.#reason, cut: this.#cut, durationMs, errors: this.#errors })
    try {
      this.#rules.exit(code)
    } catch (error) {
      // Nothing is open any more, so the process ends by itself.
      process.exitCode = code
      this.#rules.logger.error({ err: error }, 'the exit of the shutdown failed')
    }
  }

  get #hasEnded(): boolean {
    return this.#phase === 'ended'
  }

  #elapsed(): number {
    return this.#rules.clock.monotonic() - this.#startedAt
  }

  #emit<N extends EventName & `shutdown:${string}`>(name: N, payload: PalisadeEvents[N]): void {
    const { logger, pipeline } = this.#rules
    try {
      pipeline?.events.emit(name, payload)
    } catch (error) {
      logger.error({ err: error, event: name }, 'an event of the shutdown could not be told')
    }
  }
}

/** Real time: what it bounds are real sockets. */
function pause(ms: number): Promise<void> & { cancel(): void } {
  let timer: NodeJS.Timeout | undefined
  const promise = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms).unref()
  })
  return Object.assign(promise, { cancel: () => clearTimeout(timer) })
}
