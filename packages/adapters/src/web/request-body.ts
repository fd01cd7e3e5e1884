import { alreadyRead, checkLimit, endedEarly, tooLarge, tooSlow } from '../body-errors.js'

/** How long one part, or a whole body, may take. */
export interface WaitLimits {
  readonly timeoutMs: number
  /** Aborted when the client disconnects. Not every platform ends the body then. */
  readonly signal?: AbortSignal
}

type Source = ReadableStreamDefaultReader<Uint8Array>

/** @throws Error when the body was read already */
function requireUnread({ body, bodyUsed }: Request): void {
  if (bodyUsed || body?.locked === true) throw alreadyRead()
}

function sourceOf(request: Request): Source | undefined {
  requireUnread(request)
  return request.body?.getReader()
}

/**
 * The whole body.
 *
 * @throws RequestError 413 past the limit, 408 past the time. The rest of the body is cancelled.
 */
export async function readRequest(request: Request, limit: number, wait: WaitLimits): Promise<Uint8Array> {
  checkLimit(limit)
  requireUnread(request)
  if (Number(request.headers.get('content-length')) > limit) throw tooLarge(limit)
  const source = sourceOf(request)
  if (source === undefined) return new Uint8Array()
  try {
    const { chunks, length, isWhole } = await readUpTo(source, limit, wait)
    if (!isWhole) throw tooLarge(limit)
    return concat(chunks, length)
  } finally {
    cancel(source)
  }
}

/** The beginning of a body, and a request with all of it. */
export interface PeekedRequest {
  readonly bytes: Uint8Array
  readonly complete: boolean
  readonly request: Request
}

/** @throws RequestError 408 past the time, 400 when the client disconnects in the middle */
export async function peekRequest(request: Request, limit: number, wait: WaitLimits): Promise<PeekedRequest> {
  checkLimit(limit)
  const source = sourceOf(request)
  if (source === undefined) return { bytes: new Uint8Array(), complete: true, request }
  try {
    const { chunks, length, isWhole } = await readUpTo(source, limit, wait)
    const whole = concat(chunks, length)
    const body = isWhole ? whole : continued(whole, source)
    const init: RequestInit & { duplex: 'half' } = { body: body as BodyInit, duplex: 'half' }
    // A copy, since the handler reads the other one.
    return { bytes: whole.slice(0, limit), complete: isWhole, request: new Request(request, init) }
  } catch (error) {
    cancel(source)
    throw error
  }
}

/** The body at the reader's pace. @throws Error when it was read already */
export function streamRequest(request: Request, wait: WaitLimits): AsyncIterableIterator<Uint8Array> {
  const source = sourceOf(request)
  let isOver = source === undefined
  let stop = () => {}
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      if (isOver) return DONE
      // `return()` need not wait for what the client sends.
      const stopped = new Promise<typeof DONE>(resolve => {
        stop = () => resolve(DONE)
      })
      const { broken, clear } = patience(wait)
      try {
        const part = await Promise.race([stopped, partOf(source as Source), broken])
        if (!part.done && !isOver) return { done: false, value: part.value }
        isOver = true
        return DONE
      } catch (error) {
        isOver = true
        cancel(source as Source)
        throw error
      } finally {
        clear()
      }
    },
    async return() {
      isOver = true
      stop()
      if (source !== undefined) cancel(source)
      return DONE
    },
  }
}

const DONE = { done: true, value: undefined } as const

interface Read {
  readonly chunks: readonly Uint8Array[]
  readonly length: number
  /** Otherwise there is more than the limit. */
  readonly isWhole: boolean
}

async function readUpTo(source: Source, limit: number, wait: WaitLimits): Promise<Read> {
  const chunks: Uint8Array[] = []
  let length = 0
  const { broken, clear } = patience(wait)
  try {
    while (length <= limit) {
      const part = await Promise.race([partOf(source), broken])
      if (part.done) return { chunks, length, isWhole: true }
      chunks.push(part.value)
      length += part.value.length
    }
    return { chunks, length, isWhole: false }
  } finally {
    clear()
  }
}

/** Rejects when the time is over or the client has left. */
function patience({ timeoutMs, signal }: WaitLimits): { broken: Promise<never>; clear: () => void } {
  let clear = () => {}
  const broken = new Promise<never>((_resolve, reject) => {
    const leave = () => reject(endedEarly(signal?.reason))
    const timer = setTimeout(() => reject(tooSlow(timeoutMs)), timeoutMs)
    // Node's own kind of timer, which would keep the process.
    ;(timer as { unref?: () => void }).unref?.()
    clear = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', leave)
    }
    if (signal?.aborted === true) leave()
    else signal?.addEventListener('abort', leave)
  })
  broken.catch(() => {})
  return { broken, clear }
}

async function partOf(source: Source): Promise<ReadableStreamReadResult<Uint8Array>> {
  try {
    return await source.read()
  } catch (cause) {
    throw endedEarly(cause)
  }
}

/** What was read of a body, and then the rest of it at the reader's pace. */
function continued(first: Uint8Array, source: Source): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start: controller => controller.enqueue(first),
    async pull(controller) {
      const { done, value } = await source.read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: reason => source.cancel(reason),
  })
}

/** The platform may fail at it, and no caller waits for that. */
function cancel(source: Source): void {
  source.cancel().catch(() => {})
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}
