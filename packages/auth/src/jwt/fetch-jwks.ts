import { Agent, request } from 'undici'
import { KeySet } from './key-set.js'

const MOST_BYTES = 262_144
const CONNECT_MS = 2000
export const TOTAL_MS = 5000

/** Fetches key sets, within bounds that no issuer needs to pass and no impostor may. */
export class JwksFetcher {
  readonly #url: URL
  readonly #totalMs: number
  readonly #closing = new AbortController()
  #agent: Agent | undefined

  constructor(url: URL, totalMs: number) {
    this.#url = url
    this.#totalMs = totalMs
  }

  /** @throws Error for everything but a 200 with a key set; redirects are not followed, since they could lead anywhere */
  async fetch(): Promise<KeySet> {
    // Opened when it is first needed: a pipeline that is only built has nothing to close.
    this.#agent ??= new Agent({
      connect: { timeout: Math.min(CONNECT_MS, this.#totalMs) },
      connections: 1,
      keepAliveTimeout: 1000,
      maxResponseSize: MOST_BYTES,
    })
    const signal = AbortSignal.any([AbortSignal.timeout(this.#totalMs), this.#closing.signal])
    const { statusCode, headers, body } = await request(this.#url, {
      dispatcher: this.#agent,
      headers: { accept: 'application/jwk-set+json, application/json', 'accept-encoding': 'identity' },
      signal,
    })
    const refusal = refusalOf(statusCode, headers['content-encoding'])
    if (refusal !== undefined) {
      body.on('error', () => {}).destroy()
      throw new Error(refusal)
    }
    return new KeySet(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await collect(body))))
  }

  async dispose(): Promise<void> {
    this.#closing.abort(new Error('the pipeline was disposed'))
    await this.#agent?.destroy()
  }
}

function refusalOf(status: number, encoding: string | string[] | undefined): string | undefined {
  if (status !== 200) return `the issuer answered ${status}`
  if (encoding !== undefined && encoding !== 'identity') return 'the issuer compressed its answer unasked'
  return undefined
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > MOST_BYTES) throw new Error(`the issuer answered over ${MOST_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
