import { Book, cell } from '../algorithms/algorithm.js'
import { SlotMap } from './slot-map.js'

/** A key that has no state, and for which there is room. */
export const NO_SLOT = -1

const FIRST_SLOTS = 256
const SWEPT_PER_CALL = 2
const SWEPT_WHEN_FULL = 64

/**
 * The states of one policy's keys: one map from the key to a slot, and everything else in typed arrays. No timers: a state that has
 * run out means the same as none, and a hand that moves a little with each call gives its slot back.
 *
 * Defends the memory against a flood of random keys: at `maxKeys` no live key is ever evicted, and new keys share a fixed number of
 * overflow slots. Which slot a key shares is decided with a secret of this process, so that nobody can aim at somebody's.
 */
export class Table {
  readonly book: Book
  private readonly slots: SlotMap
  private readonly keys: (string | undefined)[] = []
  private readonly width: number
  private readonly maxKeys: number
  private readonly graceMs: number
  private readonly overflowSlots: number
  private readonly secret = crypto.getRandomValues(new Uint32Array(1))[0] as number
  private capacity: number
  /** The slots below this one were used at least once. */
  private used = 0
  /** The first free slot; its second cell holds the next one. */
  private free = NO_SLOT
  private hand = 0
  private overflowed = false

  /** @param graceMs how long a state that has run out keeps its slot while there is room */
  constructor(width: number, maxKeys: number, graceMs: number) {
    this.slots = new SlotMap(maxKeys)
    this.width = width
    this.maxKeys = maxKeys
    this.graceMs = graceMs
    this.overflowSlots = Math.max(1, Math.min(1024, maxKeys >>> 6))
    this.capacity = Math.min(maxKeys, FIRST_SLOTS)
    this.book = new Book(this.capacity * width)
  }

  /** How many keys have a slot of their own. */
  get size(): number {
    return this.slots.size
  }

  /** Whether new keys have to share because the table was full. */
  get isFull(): boolean {
    return this.overflowed
  }

  /** The slot of a key: its own, a shared one when the table is full, or `NO_SLOT`. */
  find(key: string, now: number): number {
    this.sweep(now - this.graceMs, SWEPT_PER_CALL)
    const slot = this.slots.get(key)
    if (slot !== undefined) return slot
    return this.slots.size < this.maxKeys ? NO_SLOT : this.findWhenFull(key, now)
  }

  /** Gives a key, for which `find` said `NO_SLOT`, a slot of its own. What was in it before is still there, to be overwritten. */
  claim(key: string): number {
    const slot = this.vacant()
    const own = unshared(key)
    this.slots.add(own, slot)
    this.keys[slot] = own
    return slot
  }

  /** Forgets a key. */
  forget(key: string): void {
    const slot = this.slots.get(key)
    if (slot !== undefined) this.release(slot)
  }

  /** The slot of a key that has one of its own or shares one; never makes one. */
  peek(key: string): number {
    return this.slots.get(key) ?? (this.overflowed ? this.shared(key) : NO_SLOT)
  }

  private sweep(runOutBy: number, steps: number): void {
    for (let i = 0; i < steps; i++) {
      if (this.used === 0) return
      const slot = this.hand < this.used ? this.hand : 0
      this.hand = slot + 1
      if (cell(this.book.cells, slot * this.width) <= runOutBy) this.release(slot)
    }
  }

  private release(slot: number): void {
    const key = this.keys[slot]
    if (key === undefined) return
    this.slots.delete(key)
    this.keys[slot] = undefined
    const at = slot * this.width
    this.book.cells[at] = Number.POSITIVE_INFINITY
    this.book.cells[at + 1] = this.free
    if (this.book.rings.length > slot) this.book.rings[slot] = undefined
    this.free = slot
  }

  private vacant(): number {
    const { free } = this
    if (free !== NO_SLOT) {
      this.free = cell(this.book.cells, free * this.width + 1)
      return free
    }
    if (this.used >= this.capacity) this.grow(Math.min(this.maxKeys, this.capacity * 2))
    return this.used++
  }

  private grow(capacity: number): void {
    const cells = new Float64Array(capacity * this.width)
    cells.set(this.book.cells)
    this.book.cells = cells
    this.capacity = capacity
  }

  private findWhenFull(key: string, now: number): number {
    this.sweep(now, SWEPT_WHEN_FULL)
    if (this.slots.size < this.maxKeys) return NO_SLOT
    if (!this.overflowed) {
      this.overflowed = true
      this.grow(this.maxKeys + this.overflowSlots)
    }
    return this.shared(key)
  }

  /** FNV-1a over the UTF-16 units, begun with the secret. */
  private shared(key: string): number {
    let hash = this.secret
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
    hash ^= hash >>> 15
    return this.maxKeys + ((hash >>> 0) % this.overflowSlots)
  }
}

/**
 * A copy of the key that shares no memory. A part of a longer string (a header of several kilobytes) keeps the whole of it alive
 * in V8, which would make a small key cost what its sender likes.
 */
function unshared(key: string): string {
  return key.length < 2 ? key : [key.slice(0, 1), key.slice(1)].join('')
}
