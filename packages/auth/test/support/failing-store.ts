import type { KeyValueStore } from '@palisade/core/middleware'

/**
 * A key-value store as a network is: everything takes a moment, what comes back is a copy, and it
 * may be down.
 */
export function remoteStore() {
  const values = new Map<string, string>()
  const state = { isDown: false, reads: 0 }
  const reach = async () => {
    await undefined
    if (state.isDown) throw new Error('connect ECONNREFUSED secret-host:6379')
  }
  const store: KeyValueStore = {
    async get(key) {
      state.reads += 1
      await reach()
      const text = values.get(key)
      return text === undefined ? undefined : (JSON.parse(text) as unknown)
    },
    async set(key, value) {
      await reach()
      values.set(key, JSON.stringify(value))
    },
    async delete(key) {
      await reach()
      return values.delete(key)
    },
  }
  return { store, values, state }
}
