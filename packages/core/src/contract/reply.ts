import { isPromise } from '../kernel/maybe-promise.js'

/** Field names to values; several values are several field lines (`Set-Cookie`). */
export type HeaderBag = Readonly<Record<string, string | readonly string[]>>

/** A stream is a `Readable` of Node, a `ReadableStream` of the web or another async iterable. */
export type ReplyBody =
  | string
  | Uint8Array
  | AsyncIterable<Uint8Array | string>
  | ReadableStream<Uint8Array>
  | null

/**
 * Answers an upgrade on its socket, which belongs to the function from then on, also its errors.
 *
 * @param socket the host's own: a `Duplex` of Node
 * @param head what the client has sent behind the request
 */
export type TakeOver = (socket: never, head: never) => void

/** Survives two copies of this package in one process, which `instanceof` does not. */
const REPLY = Symbol.for('@palisade/core.reply')

/** An answer of a middleware's own. Immutable; the adapter writes it to the host. */
export class Reply {
  readonly status: number
  readonly headers: HeaderBag
  /** A stream is read at the client's pace and ended (`return()`) when the client leaves. */
  readonly body: ReplyBody
  /** What answers instead: only of `Reply.takeOver()`. */
  readonly takesOver: TakeOver | undefined = undefined
  readonly [REPLY] = true

  constructor(status: number, headers: HeaderBag = {}, body: ReplyBody = null) {
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new RangeError(`Reply: the status is ${status}; allowed: a final HTTP status, 200 to 599`)
    }
    this.status = status
    this.headers = headers
    this.body = body
  }

  /** `{ "a": 1 }` as `application/json; charset=utf-8`. */
  static json(status: number, value: unknown, headers: HeaderBag = {}): Reply {
    return new Reply(
      status,
      { 'Content-Type': 'application/json; charset=utf-8', ...headers },
      JSON.stringify(value),
    )
  }

  /**
   * Answers an upgrade on its raw socket: a proxy of WebSockets, a hub. Only where `ctx.isUpgrade`;
   * on another request it is a 500. A host without sockets refuses with 501. The function writes
   * the whole answer, 101 included. Headers that middleware has set are not sent. A throw before
   * anything is written is a 500.
   *
   * The request ends with the socket, with the status that was written.
   *
   * @example
   * ```ts
   * return Reply.takeOver((socket: Duplex, head: Buffer) =>
   *   hub.handleUpgrade(ctx.raw, socket, head, joined),
   * )
   * ```
   * @throws TypeError without a function
   */
  static takeOver<Socket, Head extends Uint8Array>(answer: (socket: Socket, head: Head) => void): Reply {
    if (typeof answer !== 'function')
      throw new TypeError('Reply.takeOver: needed is a function (socket, head) => void')
    return Object.assign(new Reply(200), { status: 101, takesOver: answer })
  }

  /**
   * The same answer with more headers; a name given again replaces the earlier value, whatever its
   * case.
   */
  with(headers: HeaderBag): Reply {
    const merged: Record<string, string | readonly string[]> = { ...this.headers }
    const names = new Map(Object.keys(merged).map(name => [name.toLowerCase(), name]))
    for (const [name, value] of Object.entries(headers)) merged[names.get(name.toLowerCase()) ?? name] = value
    return new Reply(this.status, merged, this.body)
  }
}

/**
 * Ends the source of a reply that will not be sent; otherwise the source keeps a file or a
 * subscription open. For adapters, wherever they drop a reply. Never throws: errors of the source
 * are ignored.
 */
export function discard({ body }: Reply): void {
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) return
  const source = body as Stoppable
  try {
    // A file that cannot be opened emits an error later, which without a listener would end the
    // process.
    source.on?.('error', () => {})
    // First, since the iterator of a stream does not end the stream before a reader has begun.
    if (source.destroy !== undefined) swallow(source.destroy())
    else if (source.cancel !== undefined) swallow(source.cancel())
    else if (Symbol.asyncIterator in body) swallow(body[Symbol.asyncIterator]().return?.())
  } catch {
    // See above.
  }
}

/** What streams of Node and of the web have besides being iterable. */
interface Stoppable {
  on?(event: 'error', listener: () => void): unknown
  destroy?(): unknown
  cancel?(): unknown
}

function swallow(result: unknown): void {
  if (isPromise(result)) result.then(undefined, () => {})
}

/** `false` also for what cannot be inspected. */
export function isReply(value: unknown): value is Reply {
  if (typeof value !== 'object' || value === null) return false
  try {
    return value instanceof Reply || REPLY in value
  } catch {
    return false
  }
}
