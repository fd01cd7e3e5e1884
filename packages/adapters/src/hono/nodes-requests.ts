import type { IncomingMessage } from 'node:http'

/**
 * Knows the requests that `@hono/node-server` made of Node's messages; middleware and the
 * application make others. The server does not export the symbols of their properties. They are
 * looked for once, because listing the symbols of each request takes over 1 us.
 */
export class NodesRequests {
  private message: symbol | undefined = undefined
  private headers: symbol | undefined = undefined

  has(raw: Request, incoming: object): boolean {
    if (this.message !== undefined && at(raw, this.message) === incoming) return true
    const message = symbolOf(raw, 'incomingKey')
    if (message === undefined) return false
    // Of another copy of the server, whose other symbols are its own too.
    if (message !== this.message) this.headers = undefined
    this.message = message
    return at(raw, message) === incoming
  }

  /**
   * The `Headers` of a request, if the application may have changed them: it asked for them, or put
   * another request in the place of the server's. That one has Node's headers until they are asked
   * for, and making `Headers` of them costs more than a whole pipeline.
   */
  ownHeaders(raw: Request, incoming: object): Headers | undefined {
    if (!this.has(raw, incoming)) return raw.headers
    this.headers ??= headersSymbolOf(raw)
    return this.headers === undefined || at(raw, this.headers) !== undefined ? raw.headers : undefined
  }

  /**
   * Whether the body that the handler reads is still in Node's message: the application has neither
   * put another request in the place of the server's, nor asked that one for its stream, nor begun
   * to read it.
   */
  hasBodyOf(raw: Request, incoming: IncomingMessage): boolean {
    if (!this.has(raw, incoming) || incoming.listenerCount('data') > 0) return false
    // The real `Request`, which the server makes when it is needed, takes the stream of the
    // message.
    return symbolOf(raw, 'requestCache') === undefined
  }
}

/**
 * Where the server keeps the `Headers` that it made. A request that inherits from this one is
 * asked, so that none are made here.
 */
function headersSymbolOf(raw: Request): symbol | undefined {
  const heir = Object.create(raw) as Request
  void heir.headers
  return symbolOf(heir, 'headersKey') ?? symbolOf(raw, 'headersKey')
}

const symbolOf = (raw: Request, description: string): symbol | undefined =>
  Object.getOwnPropertySymbols(raw).find(one => one.description === description)

const at = (raw: Request, key: symbol): unknown => (raw as unknown as Record<symbol, unknown>)[key]
