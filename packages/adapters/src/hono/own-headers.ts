/**
 * The `Headers` of a request, if the application may have changed them: it asked for them, or put another
 * request in the place of that of `@hono/node-server`. That one has Node's headers until somebody asks, and
 * making `Headers` of them costs more than a whole pipeline.
 */
export function ownHeaders(raw: Request): Headers | undefined {
  let isNodes = false
  // Its own properties are symbols that the server does not export; another `Request` has none of them.
  for (const key of Object.getOwnPropertySymbols(raw)) {
    if (key.description === HEADERS || key.description === CACHED) return raw.headers
    if (key.description === INCOMING) isNodes = true
  }
  return isNodes ? undefined : raw.headers
}

/** Whether `@hono/node-server` made it of Node's request. Middleware and the application make others. */
export function isRequestOf(raw: Request, incoming: object): boolean {
  for (const key of Object.getOwnPropertySymbols(raw))
    if (key.description === INCOMING) return (raw as unknown as Record<symbol, unknown>)[key] === incoming
  return false
}

const INCOMING = 'incomingKey'
const HEADERS = 'headersKey'
const CACHED = 'requestCache'
