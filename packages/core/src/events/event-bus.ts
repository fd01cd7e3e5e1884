import { ConfigError } from '../errors/config-error.js'
import type { Logger } from '../vocabulary/logger.js'
import type { EmittedEvent, EventName, EventPattern, Matching, PalisadeEvents } from './catalogue.js'
import { EventStream } from './event-stream.js'

export type Listener<P extends EventPattern> = (
  payload: PalisadeEvents[Matching<P>],
  name: Matching<P>,
) => unknown

type AnyListener = (payload: unknown, name: string) => unknown

interface Subscription {
  readonly pattern: string
  readonly listener: AnyListener
}

const NONE: readonly AnyListener[] = []
const PATTERN = /^(?:\*|[a-z][\w-]*:(?:\*|[a-z][\w-]*))$/i

/**
 * A synchronous, typed bus. A listener that throws or rejects is logged and harms neither the others nor the request.
 *
 *     events.on('security:banned', ban => pager.notify(ban.ip))
 *     events.on('resource:*', (change, name) => audit.write(name, change), { signal })
 *     for await (const { name, payload } of events.stream('ratelimit:*', { limit: 1000, signal })) ...
 */
export class EventBus {
  private readonly logger: Logger
  private subscriptions: readonly Subscription[] = []
  /** What each emitted name resolves to; emptied when a subscription changes. Names come from code, so it is bounded by the code. */
  private resolved = new Map<string, readonly AnyListener[]>()

  constructor(logger: Logger) {
    this.logger = logger
  }

  /** Whether anybody listens: asked before a payload is built. */
  has(name: EventName): boolean {
    return this.subscriptions.length !== 0 && this.listenersOf(name).length !== 0
  }

  emit<N extends EventName>(name: N, payload: PalisadeEvents[N]): void {
    if (this.subscriptions.length === 0) return
    for (const listener of this.listenersOf(name)) {
      try {
        const result = listener(payload, name)
        if (result instanceof Promise) result.catch(error => this.report(error, name))
      } catch (error) {
        this.report(error, name)
      }
    }
  }

  /**
   * Listens until `off`, the returned function, or the signal says otherwise. The same listener may be added twice; it is called twice.
   *
   * @param pattern a name, a prefix `resource:*`, or `*`
   * @throws ConfigError for a pattern that can match nothing
   */
  on<P extends EventPattern>(
    pattern: P,
    listener: Listener<P>,
    options: { signal?: AbortSignal } = {},
  ): () => void {
    if (!PATTERN.test(pattern)) {
      throw new ConfigError({
        owner: 'events.on',
        option: 'pattern',
        value: pattern,
        allowed: 'a name such as "request:end", a prefix "resource:*", or "*"',
      })
    }
    const { signal } = options
    if (signal?.aborted) return () => {}
    const subscription: Subscription = { pattern, listener: listener as AnyListener }
    this.change([...this.subscriptions, subscription])
    const remove = () => {
      signal?.removeEventListener('abort', remove)
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
    const remove = this.on(
      pattern,
      ((payload, name) => {
        remove()
        return listener(payload, name)
      }) as Listener<P>,
      options,
    )
    return remove
  }

  off<P extends EventPattern>(pattern: P, listener: Listener<P>): void {
    this.change(this.subscriptions.filter(one => one.pattern !== pattern || one.listener !== listener))
  }

  /**
   * Events as they come. At most `limit` (default 1,000) wait for the reader; past that the oldest is dropped and counted in `dropped`.
   * Ends when the loop is left or the signal is aborted.
   */
  stream<P extends EventPattern>(
    pattern: P,
    options: { limit?: number; signal?: AbortSignal } = {},
  ): EventStream<EmittedEvent<Matching<P>>> {
    const { limit = 1000, signal } = options
    const stream = new EventStream<EmittedEvent<Matching<P>>>(limit, signal)
    if (signal?.aborted) return stream
    const listener = (payload: unknown, name: string) =>
      stream.push({ name, payload } as EmittedEvent<Matching<P>>)
    stream.onEnd(this.on(pattern, listener as Listener<P>))
    return stream
  }

  private change(subscriptions: readonly Subscription[]): void {
    this.subscriptions = subscriptions
    this.resolved = new Map()
  }

  private listenersOf(name: string): readonly AnyListener[] {
    const known = this.resolved.get(name)
    if (known !== undefined) return known
    const found = this.subscriptions.filter(one => matches(one.pattern, name)).map(one => one.listener)
    const listeners = found.length === 0 ? NONE : found
    this.resolved.set(name, listeners)
    return listeners
  }

  private report(error: unknown, event: string): void {
    this.logger.error({ err: error, event }, 'an event listener failed')
  }
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name
}
