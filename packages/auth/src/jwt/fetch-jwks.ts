import type { JsonClient } from './json-client.js'
import type { KeyLocation } from './key-location.js'
import { KeySet } from './key-set.js'

export const TOTAL_MS = 5000

/** Fetches the key set of an issuer, the way to it included. */
export class JwksFetcher {
  readonly #location: KeyLocation
  readonly #client: JsonClient
  readonly #totalMs: number
  /** Made with the first request: some runtimes make no signals while modules load. */
  #closing: AbortController | undefined

  constructor(location: KeyLocation, client: JsonClient, totalMs: number = TOTAL_MS) {
    this.#location = location
    this.#client = client
    this.#totalMs = totalMs
  }

  /** @throws Error for everything but a key set, in time */
  async fetch(): Promise<KeySet> {
    this.#closing ??= new AbortController()
    const signal = AbortSignal.any([AbortSignal.timeout(this.#totalMs), this.#closing.signal])
    const url = await this.#location(this.#client, signal)
    return new KeySet(await this.#client.get(url, signal))
  }

  dispose(): void {
    this.#closing ??= new AbortController()
    this.#closing.abort(new Error('the pipeline was disposed'))
  }
}
