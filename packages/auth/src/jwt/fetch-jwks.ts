import { KeySet } from './key-set.js'

const MOST_BYTES = 262_144
export const TOTAL_MS = 5000

/**
 * Fetches key sets, within bounds that no issuer needs to pass and no impostor may. The runtime's own `fetch` does it, since every
 * runtime has one.
 */
export class JwksFetcher {
  readonly #url: URL
  readonly #totalMs: number
  readonly #closing = new AbortController()

  constructor(url: URL, totalMs: number) {
    this.#url = url
    this.#totalMs = totalMs
  }

  /** @throws Error for everything but a 200 with a key set; redirects are not followed, since they could lead anywhere */
  async fetch(): Promise<KeySet> {
    const response = await fetch(this.#url, {
      headers: { accept: 'application/jwk-set+json, application/json', 'accept-encoding': 'identity' },
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(this.#totalMs), this.#closing.signal]),
    })
    const refusal = refusalOf(response)
    if (refusal !== undefined) {
      response.body?.cancel().catch(() => {})
      throw new Error(refusal)
    }
    const bytes = response.body === null ? new Uint8Array() : await collect(response.body)
    return new KeySet(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  }

  dispose(): void {
    this.#closing.abort(new Error('the pipeline was disposed'))
  }
}

function refusalOf({ status, headers }: Response): string | undefined {
  if (status !== 200) return `the issuer answered ${status}`
  const encoding = headers.get('content-encoding')
  if (encoding !== null && encoding !== 'identity') return 'the issuer compressed its answer unasked'
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
