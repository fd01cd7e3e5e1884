/**
 * A `Map` of V8 holds a power of two of entries and doubles by copying all: this many fill one of
 * 131,072 with room for an uneven spread.
 */
const KEYS_PER_SHARD = 118_000
const HASHED_CHARACTERS = 12

/** What a `Map` from keys to slots offers. */
export interface SlotMap {
  readonly size: number
  get(key: string): number | undefined
  /** @param key one that is not there */
  set(key: string, slot: number): unknown
  delete(key: string): boolean
}

/** A map for so many keys: one `Map` as long as that does not stop the process while it grows. */
export function slotMap(maxKeys: number): SlotMap {
  return maxKeys <= KEYS_PER_SHARD ? new Map() : new ShardedMap(maxKeys)
}

/**
 * A large map in shards, because a `Map` that doubles stops the process while it copies all of
 * itself, and needs the memory twice meanwhile.
 *
 * A client that chooses its keys can crowd them into one shard; the cost of that is the pause of a
 * single `Map`.
 */
class ShardedMap implements SlotMap {
  private readonly shards: readonly Map<string, number>[]
  size = 0

  constructor(maxKeys: number) {
    const shards = Math.ceil(maxKeys / KEYS_PER_SHARD)
    this.shards = Array.from({ length: shards }, () => new Map<string, number>())
  }

  get(key: string): number | undefined {
    return this.shardOf(key).get(key)
  }

  set(key: string, slot: number): void {
    this.shardOf(key).set(key, slot)
    this.size++
  }

  delete(key: string): boolean {
    const isDeleted = this.shardOf(key).delete(key)
    if (isDeleted) this.size--
    return isDeleted
  }

  /** By the last characters, in which keys differ most. */
  private shardOf(key: string): Map<string, number> {
    const { shards } = this
    const end = key.length
    let hash = end
    for (let i = Math.max(0, end - HASHED_CHARACTERS); i < end; i++)
      hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
    return shards[((hash ^ (hash >>> 13)) >>> 0) % shards.length] as Map<string, number>
  }
}
