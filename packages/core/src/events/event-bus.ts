import { ConfigError } from '../errors/config-error.js'
import { inspectable } from '../errors/thrown.js'
import { bindMethods } from '../kernel/bind-methods.js'
import { isPromise } from '../kernel/maybe-promise.js'
import { callback, checkOptions, having, integer, optional } from '../options/check.js'
import { isolatedLogger, type Logger } from '../vocabulary/logger.js'
import type { EmittedEvent, EventName, EventPattern, Matching, PalisadeEvents } from './catalogue.js'
import { EventStream } from './event-stream.js'

export type Listener<P extends EventPattern> = (
  payload: PalisadeEvents[Matching<P>],
  name: Matching<P>,
) => unknown

type AnyListener = (payload: unknown, name: string) => unknown

interface Subscription {
  readonly pattern: string
  /** What was given, by which `off` finds it. */
  readonly listener: AnyListener
  /** What is called. */
  readonly call: AnyListener
  /** Lets go of the signal. */
  readonly detach: () => void
}

const NONE: readonly AnyListener[] = []
const PATTERN = /^(?:\*|[a-z][\w-]*:(?:\*|[a-z][\w-]*))$/i

/**
 * A synchronous, typed bus. A listener that throws or rejects is logged and harms neither the
 * others nor the request.
 *
 *     events.on('security:banned', ban => pager.notify(ban.ip))
 *     events.on('resource:*', (change, name) => audit.write(name, change), { signal })
 *     const stream = events.stream('ratelimit:*', { limit: 1000, signal })
 *     for await (const { name, payload } of stream) ...
 */
export class EventBus {
  private readonly logger: Logger
  private subscriptions: readonly Subscription[] = []
  /**
   * What each emitted name resolves to; emptied when a subscription changes. Names come from code,
   * so it is bounded by the code.
   */
  private resolved = new Map<string, readonly AnyListener[]>()

  /** @throws ConfigError for what is no logger */
  constructor(logger: Logger) {
    this.logger = isolatedLogger(aLogger(logger, { owner: 'EventBus', option: 'logger' }))
    bindMethods<EventBus>(this, 'has', 'emit', 'on', 'once', 'off', 'stream')
  }

  /** Whether the event has a listener: asked before a payload is built. */
  has(name: EventName): boolean {
    return this.subscriptions.length !== 0 && this.listenersOf(name).length !== 0
  }

  emit<N extends EventName>(name: N, payload: PalisadeEvents[N]): void {
    if (this.subscriptions.length === 0) return
    for (const listener of this.listenersOf(name)) {
      try {
        const result = listener(payload, name)
        if (isPromise(result)) result.then(undefined, error => this.report(error, name))
      } catch (error) {
        this.report(error, name)
      }
    }
  }

  /**
   * Listens until `off`, the returned function, or the signal says otherwise. The same listener may
   * be added twice; it is called twice.
   *
   * @param pattern a name, a prefix `resource:*`, or `*`
   * @throws ConfigError for a pattern that can match nothing, without a listener, and for an option
   * that is wrong
   */
  on<P extends EventPattern>(
    pattern: P,
    listener: Listener<P>,
    options: { signal?: AbortSignal } = {},
  ): () => void {
    const { signal } = checkOptions('events.on', options, listening)
    return this.subscribe('events.on', pattern, listener as AnyListener, listener as AnyListener, signal)
  }

  private subscribe(
    owner: string,
    pattern: string,
    listener: AnyListener,
    call: AnyListener,
    signal: AbortSignal | undefined,
  ): () => void {
    checkListening(owner, pattern, listener)
    if (signal?.aborted) return () => {}
    const detach = () => signal?.removeEventListener('abort', remove)
    const subscription: Subscription = { pattern, listener, call, detach }
    this.change([...this.subscriptions, subscription])
    const remove = () => {
      detach()
      if (this.subscriptions.includes(subscription))
        this.change(this.subscriptions.filter(one => one !== subscription))
    }
    signal?.addEventListener('abort', remove, { once: true })
    return remove
  }

  once<P extends EventPattern>(
    pattern: P,
    listener: Listener<P>,
    options: { signal?: AbortSignal } = {},
  ): () => void {
    const { signal } = checkOptions('events.once', options, listening)
    // Otherwise a listener that emits the same event would reach this one again before its first
    // call has returned.
    let called = false
    const call: AnyListener = (payload, name) => {
      if (called) return undefined
      called = true
      remove()
      return (listener as AnyListener)(payload, name)
    }
    const remove = this.subscribe('events.once', pattern, listener as AnyListener, call, signal)
    return remove
  }

  /** @throws ConfigError as `on`: without its listener no subscription would be removed */
  off<P extends EventPattern>(pattern: P, listener: Listener<P>): void {
    checkListening('events.off', pattern, listener)
    const isMeant = (one: Subscription) => one.pattern === pattern && one.listener === listener
    for (const one of this.subscriptions) if (isMeant(one)) one.detach()
    this.change(this.subscriptions.filter(one => !isMeant(one)))
  }

  /**
   * Events as they come. At most `limit` (default 1,000) wait for the reader; past that the oldest
   * is dropped and counted in `dropped`. Ends when the loop is left or the signal is aborted.
   *
   * @throws ConfigError for a pattern that can match nothing, and for an option that is wrong
   */
  stream<P extends EventPattern>(
    pattern: P,
    options: { limit?: number; signal?: AbortSignal } = {},
  ): EventStream<EmittedEvent<Matching<P>>> {
    const owner = 'events.stream'
    const { limit, signal } = checkOptions(owner, options, {
      ...listening,
      limit: optional(integer({ min: 1, max: 1_000_000 }), 1000),
    })
    checkPattern(owner, pattern)
    const stream = new EventStream<EmittedEvent<Matching<P>>>(limit, signal)
    const listener = (payload: unknown, name: string) =>
      stream.push({ name, payload } as EmittedEvent<Matching<P>>)
    const leave = this.subscribe(owner, pattern, listener, listener, signal)
    stream.onEnd(leave)
    return stream
  }

  private change(subscriptions: readonly Subscription[]): void {
    this.subscriptions = subscriptions
    this.resolved = new Map()
  }

  private listenersOf(name: string): readonly AnyListener[] {
    const known = this.resolved.get(name)
    if (known !== undefined) return known
    const found = this.subscriptions.filter(one => matches(one.pattern, name)).map(one => one.call)
    const listeners = found.length === 0 ? NONE : found
    this.resolved.set(name, listeners)
    return listeners
  }

  private report(error: unknown, event: string): void {
    this.logger.error({ err: inspectable(error), event }, 'an event listener failed')
  }
}

const aLogger = having<Logger>(
  'the logger that hears of listeners that fail',
  'debug',
  'info',
  'warn',
  'error',
)

const listening = {
  signal: optional(having<AbortSignal>('an AbortSignal', 'addEventListener', 'removeEventListener')),
}

function checkListening(owner: string, pattern: unknown, listener: unknown): void {
  checkPattern(owner, pattern)
  callback('a function (payload, name) => void')(listener, { owner, option: 'listener' })
}

function checkPattern(owner: string, pattern: unknown): void {
  if (typeof pattern !== 'string' || !PATTERN.test(pattern))
    throw new ConfigError({
      owner,
      option: 'pattern',
      value: pattern,
      allowed: 'a name such as "request:end", a prefix "resource:*", or "*"',
    })
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name
}
