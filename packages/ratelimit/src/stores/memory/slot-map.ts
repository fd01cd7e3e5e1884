/**
 * A `Map` of V8 holds a power of two of entries and doubles by copying all: this many fill one of 131,072 with room for an uneven spread.
 */
const KEYS_PER_SHARD = 118_000
const HASHED_CHARACTERS = 12

/**
 * A map from keys to slots. A large one is split into shards, because a `Map` that doubles stops the process while it copies all of itself,
 * and needs the memory twice meanwhile.
 *
 * Whoever chooses keys can crowd them into one shard; what that costs is the pause of a single `Map`.
 */
export class SlotMap {
  private readonly shards: readonly Map<string, number>[]
  /** The shard, where there is but one. */
  private readonly only: Map<string, number> | undefined
  size = 0

  constructor(maxKeys: number) {
    const shards = Math.ceil(maxKeys / KEYS_PER_SHARD)
    this.shards = Array.from({ length: shards }, () => new Map<string, number>())
    this.only = shards === 1 ? this.shards[0] : undefined
  }

  get(key: string): number | undefined {
    return this.mapOf(key).get(key)
  }

  /** Adds a key that is not there. */
  add(key: string, slot: number): void {
    this.mapOf(key).set(key, slot)
    this.size++
  }

  delete(key: string): void {
    if (this.mapOf(key).delete(key)) this.size--
  }

  private mapOf(key: string): Map<string, number> {
    return this.only ?? this.shardOf(key)
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
