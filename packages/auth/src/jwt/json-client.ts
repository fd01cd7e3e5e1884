import type { Dispatcher } from 'undici'

export const MOST_BYTES = 262_144

/** The part of `fetch` that is used. */
export type FetchKeys = (
  url: string,
  init: {
    readonly headers: Readonly<Record<string, string>>
    readonly redirect: 'manual'
    readonly signal: AbortSignal
  },
) => Promise<Response>

/** Reads JSON of an issuer, within bounds that no issuer needs to pass and no impostor may. */
export interface JsonClient {
  /**
   * @throws NotFound for a 404
   * @throws Error for everything but a 200 with JSON: redirects are not followed, since they could
   * lead anywhere
   */
  get(url: URL, signal: AbortSignal): Promise<unknown>
}

/** There is nothing at that address. */
export class NotFound extends Error {}

/** Made for each request: a proxy's dispatcher writes into it. */
const headers = () => ({
  accept: 'application/jwk-set+json, application/json',
  'accept-encoding': 'identity',
})

/** By default the runtime's own `fetch` does it, since every runtime has one. */
export function jsonClient(fetch: FetchKeys | undefined, dispatcher: Dispatcher | undefined): JsonClient {
  if (dispatcher !== undefined) return new DispatcherClient(dispatcher)
  return new FetchClient(fetch ?? ((url, init) => globalThis.fetch(url, init)))
}

/**
 * The runtime's `fetch` does not take a dispatcher of another version of undici. The library itself
 * does, and is loaded on first use.
 */
class DispatcherClient implements JsonClient {
  readonly #dispatcher: Dispatcher

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher
  }

  async get(url: URL, signal: AbortSignal): Promise<unknown> {
    const { request } = await import('undici')
    const answer = await request(url, {
      dispatcher: this.#dispatcher,
      headers: headers(),
      signal,
    })
    const { statusCode, body } = answer
    try {
      refuseAnswer(statusCode, answer.headers['content-encoding'])
    } catch (error) {
      body.on('error', () => {}).destroy()
      throw error
    }
    return jsonOf(await collect(body))
  }
}

class FetchClient implements JsonClient {
  readonly #fetch: FetchKeys

  constructor(fetch: FetchKeys) {
    this.#fetch = fetch
  }

  get(url: URL, signal: AbortSignal): Promise<unknown> {
    // A function of the team's may not look at the signal.
    return Promise.race([aborted(signal), this.#ask(url, signal)])
  }

  async #ask(url: URL, signal: AbortSignal): Promise<unknown> {
    const response = await this.#fetch(url.href, { headers: headers(), redirect: 'manual', signal })
    if (!isResponse(response)) throw new TypeError('fetch returned no Response')
    try {
      if (response.redirected) throw new Error('fetch followed a redirect')
      refuseAnswer(response.status, response.headers.get('content-encoding') ?? undefined)
    } catch (error) {
      response.body?.cancel().catch(() => {})
      throw error
    }
    return jsonOf(await collect(response.body ?? []))
  }
}

const isResponse = (value: unknown): value is Response =>
  typeof (value as Response | null)?.status === 'number' &&
  typeof (value as Response).headers?.get === 'function'

/** Rejects when the signal is aborted, and never resolves. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function refuseAnswer(status: number, encoding: string | string[] | undefined): void {
  if (status === 404) throw new NotFound('the issuer answered 404')
  if (status !== 200) throw new Error(`the issuer answered ${status}`)
  if (encoding !== undefined && encoding !== 'identity')
    throw new Error('the issuer compressed its answer unasked')
}

async function collect(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > MOST_BYTES) throw new Error(`the issuer answered over ${MOST_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const jsonOf = (bytes: Uint8Array): unknown =>
  JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
