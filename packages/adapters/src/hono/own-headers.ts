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

/** What `@hono/node-server` calls the property that has Node's message. */
export const INCOMING = 'incomingKey'
const HEADERS = 'headersKey'
const CACHED = 'requestCache'
