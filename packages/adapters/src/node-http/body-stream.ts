import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { alreadyRead, endedEarly, tooSlow } from '../body-errors.js'

export interface StreamLimits {
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal
  /** How long the reader may wait for the client's next part. */
  readonly timeoutMs: number
}

/** The stream that a middleware has asked for, on the request whose body it reads. */
const STREAM = Symbol('palisade.body-stream')

interface Streamed extends IncomingMessage {
  [STREAM]?: BodyStream
}

/**
 * Whether the client has left in the middle of the body. Node calls such a request disturbed too.
 */
export function isBrokenOff(req: IncomingMessage): boolean {
  return req.destroyed && !req.readableEnded
}

/** Whether a middleware or a parser has read of the body. */
export function isRead(req: IncomingMessage): boolean {
  return STREAM in req || (Readable.isDisturbed(req) && !isBrokenOff(req))
}

/** The stream of the body, where a middleware has asked for one. */
export function streamOfBody(req: IncomingMessage): BodyStream | undefined {
  return (req as Streamed)[STREAM]
}

/** @throws Error when the body was read already, or the answer has begun */
export function openBody(req: IncomingMessage, res: ServerResponse, limits: StreamLimits): BodyStream {
  if (isRead(req)) throw alreadyRead()
  // What still comes is discarded from then on.
  if (res.headersSent)
    throw new Error('the answer has begun: call ctx.body() before onRequest returns the Reply')
  const stream = new BodyStream(req, res, limits)
  Object.defineProperty(req, STREAM, { value: stream })
  return stream
}

/**
 * The body of a request at the reader's pace: nothing is taken off the socket that no reader has
 * asked for. Not the iterator of Node, which destroys the connection when the reader stops, and not
 * a generator, which would hold back `return()` until the client sends something.
 */
export class BodyStream implements AsyncIterableIterator<Uint8Array> {
  /** Whether a reader has begun. */
  isOpened = false
  private isOver = false
  private failure: Error | undefined = undefined
  private waiting: Promise<void> | undefined = undefined
  private wake = () => {}
  private readonly stopped: (() => void)[] = []
  private readonly req: IncomingMessage
  private readonly res: ServerResponse
  private readonly limits: StreamLimits

  constructor(req: IncomingMessage, res: ServerResponse, limits: StreamLimits) {
    this.req = req
    this.res = res
    this.limits = limits
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.open()
    while (!this.isOver) {
      const chunk: Uint8Array | null = this.req.read()
      if (chunk !== null) return { done: false, value: chunk }
      await this.more()
    }
    const { failure } = this
    if (failure === undefined) return DONE
    this.failure = undefined
    throw failure
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.isOpened = true
    this.stop()
    return DONE
  }

  /** Calls `then` when the reader has stopped, at the end of the body or before. */
  whenStopped(then: () => void): void {
    if (this.isOver) then()
    else this.stopped.push(then)
  }

  private open(): void {
    if (this.isOpened) return
    this.isOpened = true
    const { req, limits } = this
    if (req.readableEnded) this.stop()
    else if (isBrokenOff(req) || limits.signal.aborted) this.fail(endedEarly(limits.signal.reason))
    else {
      req
        .on('readable', this.onReadable)
        .on('end', this.onEnd)
        .on('error', this.onError)
        .on('close', this.onClose)
      limits.signal.addEventListener('abort', this.onAbort)
    }
  }

  private readonly onReadable = () => this.wake()
  private readonly onEnd = () => this.stop()
  private readonly onError = (cause: unknown) => this.fail(endedEarly(cause))
  private readonly onClose = () => this.fail(endedEarly(undefined))
  private readonly onAbort = () => this.fail(endedEarly(this.limits.signal.reason))

  /** Readers that ask twice wait for the same part. */
  private more(): Promise<void> {
    const { timeoutMs } = this.limits
    this.waiting ??= new Promise(resolve => {
      const timer = setTimeout(() => this.fail(tooSlow(timeoutMs)), timeoutMs).unref()
      this.wake = () => {
        clearTimeout(timer)
        this.wake = () => {}
        this.waiting = undefined
        resolve()
      }
    })
    return this.waiting
  }

  private fail(error: Error): void {
    if (this.isOver) return
    this.failure = error
    this.res.shouldKeepAlive = false
    this.stop()
  }

  private stop(): void {
    if (this.isOver) return
    this.isOver = true
    const { req, limits } = this
    req
      .off('readable', this.onReadable)
      .off('end', this.onEnd)
      .off('error', this.onError)
      .off('close', this.onClose)
    limits.signal.removeEventListener('abort', this.onAbort)
    this.wake()
    for (const then of this.stopped.splice(0)) then()
  }
}

const DONE = { done: true, value: undefined } as const
