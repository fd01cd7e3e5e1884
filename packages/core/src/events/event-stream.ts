import { bindMethods } from '../kernel/bind-methods.js'

/**
 * A bounded queue between a synchronous bus and a reader that takes its time, such as a stream of
 * server-sent events.
 */
export class EventStream<E> implements AsyncIterableIterator<E> {
  /** How many events were lost because the reader was too slow. */
  dropped = 0
  private readonly limit: number
  private readonly queue: E[] = []
  private readonly readers: ((result: IteratorResult<E>) => void)[] = []
  private readonly atEnd: (() => void)[] = []
  private ended = false

  constructor(limit: number, signal: AbortSignal | undefined) {
    this.limit = limit
    bindMethods<EventStream<E>>(this, 'onEnd', 'push', 'end', 'next', 'return')
    if (signal?.aborted) this.ended = true
    else if (signal !== undefined) {
      const stop = () => this.end()
      signal.addEventListener('abort', stop, { once: true })
      this.onEnd(() => signal.removeEventListener('abort', stop))
    }
  }

  onEnd(callback: () => void): void {
    this.atEnd.push(callback)
  }

  push(event: E): void {
    if (this.ended) return
    const reader = this.readers.shift()
    if (reader !== undefined) {
      reader({ value: event, done: false })
      return
    }
    if (this.queue.length === this.limit) {
      this.queue.shift()
      this.dropped++
    }
    this.queue.push(event)
  }

  /** What is queued is still delivered. */
  end(): void {
    if (this.ended) return
    this.ended = true
    for (const callback of this.atEnd) callback()
    for (const reader of this.readers.splice(0)) reader({ value: undefined, done: true })
  }

  next(): Promise<IteratorResult<E>> {
    const event = this.queue.shift()
    if (event !== undefined) return Promise.resolve({ value: event, done: false })
    if (this.ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise(resolve => this.readers.push(resolve))
  }

  return(): Promise<IteratorResult<E>> {
    this.queue.length = 0
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
