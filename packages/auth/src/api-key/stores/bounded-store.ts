import {
  type Check,
  having,
  isPromise,
  type KeyValueStore,
  type MaybePromise,
  RequestError,
  refuse,
} from '@palisade/core/middleware'

/** So many calls wait at most; a client library may queue without end while its server is away. */
const MOST_WAITING = 1000

/** As much of a Keyv instance as says whether it throws, and of the adapter in it. */
interface MaySwallow {
  readonly throwOnErrors?: boolean
  readonly store?: { readonly throwOnErrors?: boolean }
}

/**
 * A key-value store whose failures can be seen. Keyv and its adapters swallow them by default. A
 * store that is down then has no keys: every client would be refused for a wrong key, and banned
 * for it, instead of getting a 503.
 */
export const keyValueStore: Check<KeyValueStore> = (value, at) => {
  const checked = having<KeyValueStore>('a key-value store', 'get', 'set', 'delete')(value, at)
  const { throwOnErrors, store } = checked as MaySwallow
  const isInMemory = store instanceof Map
  if ((throwOnErrors === false && !isInMemory) || store?.throwOnErrors === false)
    refuse(
      at,
      value,
      'a store that throws when it fails: set throwOnErrors to true, on Keyv and on its adapter',
    )
  return checked
}

/**
 * A store that answers in time or not at all. An error, a timeout or a failure of the store is a
 * `RequestError` 503.
 *
 * Real time, not an injected clock: it bounds the wait for a real socket.
 */
export class BoundedStore {
  readonly #store: KeyValueStore
  readonly #timeoutMs: number
  #waiting = 0

  constructor(store: KeyValueStore, timeoutMs: number) {
    this.#store = store
    this.#timeoutMs = timeoutMs
  }

  async get(key: string): Promise<unknown> {
    return (await this.#call(() => this.#store.get(key))) ?? undefined
  }

  async set(key: string, value: unknown, ttlMs?: number): Promise<void> {
    const done = await this.#call(() =>
      ttlMs === undefined ? this.#store.set(key, value) : this.#store.set(key, value, ttlMs),
    )
    // Keyv says it so; other stores return nothing, or themselves.
    if (done === false) throw unavailable(new Error('the store did not take what was set'))
  }

  async delete(key: string): Promise<void> {
    await this.#call(() => this.#store.delete(key))
  }

  async #call<T>(call: () => MaybePromise<T>): Promise<T> {
    if (this.#waiting >= MOST_WAITING) throw unavailable(new Error(`${MOST_WAITING} calls wait for it`))
    try {
      const answer = call()
      return isPromise(answer) ? await this.#inTime(answer as Promise<T>) : (answer as T)
    } catch (error) {
      throw unavailable(error)
    }
  }

  #inTime<T>(answer: PromiseLike<T>): Promise<T> {
    this.#waiting++
    return new Promise<T>((resolve, reject) => {
      const late = () => reject(new Error(`it did not answer within ${this.#timeoutMs} ms`))
      // After a pause of this very process the answer may lie in the socket already: it is read
      // first.
      const timer = setTimeout(() => setImmediate(late), this.#timeoutMs).unref()
      const settle = () => {
        // Not before the store has answered: what it still has to do is what has to be bounded.
        this.#waiting--
        clearTimeout(timer)
      }
      answer.then(
        value => {
          settle()
          resolve(value)
        },
        (error: unknown) => {
          settle()
          reject(error)
        },
      )
    })
  }
}

const unavailable = (cause: unknown) =>
  new RequestError(503, 'The API keys cannot be reached at the moment', { cause })
