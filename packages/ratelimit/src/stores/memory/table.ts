import { States } from '../../algorithms/counting.js'
import { type SlotMap, slotMap } from './slot-map.js'

/** A key that has no state, and for which there is room. */
export const NO_SLOT = -1

const FIRST_SLOTS = 256
/**
 * Two slots a call, but those of eight calls at once: neighbours are read together faster than with
 * other work in between.
 */
const CALLS_PER_SWEEP = 8
const SWEPT_AT_ONCE = 2 * CALLS_PER_SWEEP
const SWEPT_WHEN_FULL = 64

/**
 * The states of one policy's keys: one map from the key to a slot, and everything else in typed
 * arrays. No timers: an expired state counts as absent, and a hand that moves a little with each
 * call frees its slot.
 *
 * Protects the memory from a flood of random keys: at `maxKeys` no live key is ever evicted, and
 * new keys share a fixed number of overflow slots. A secret of this process decides which slot a
 * key shares: a client cannot aim at the slot of another.
 */
export class Table {
  readonly states: States
  private readonly slots: SlotMap
  private readonly keys: (string | undefined)[] = []
  private readonly width: number
  private readonly maxKeys: number
  private readonly graceMs: number
  private readonly overflowSlots: number
  /** Drawn when a slot is first shared: some runtimes have no random values while modules load. */
  private secret: number | undefined = undefined
  private capacity: number
  /** The slots below this one were used at least once. */
  private used = 0
  /** The first free slot; its second cell holds the next one. */
  private free = NO_SLOT
  /** The slot that is swept next. */
  private hand = 0
  private callsToSweep = CALLS_PER_SWEEP
  /** When the hand last began to go round, and how far it is from having seen all slots. */
  private roundBeganAt = Number.NEGATIVE_INFINITY
  private roundLeft = 0
  private overflowed = false

  /** @param graceMs how long a state that has run out keeps its slot while there is room */
  constructor(width: number, maxKeys: number, graceMs: number) {
    this.slots = slotMap(maxKeys)
    this.width = width
    this.maxKeys = maxKeys
    this.graceMs = graceMs
    this.overflowSlots = Math.max(1, Math.min(1024, maxKeys >>> 6))
    this.capacity = Math.min(maxKeys, FIRST_SLOTS)
    this.states = new States(this.capacity * width)
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
    if (--this.callsToSweep === 0) this.sweepInTurn(now)
    const slot = this.slots.get(key)
    return slot === undefined ? this.findRoom(key, now) : slot
  }

  /** Gives a key, for which `find` said `NO_SLOT`, a blank slot of its own. */
  claim(key: string): number {
    const slot = this.vacant()
    for (let at = slot * this.width, end = at + this.width; at < end; at++) this.states.cells[at] = 0
    const own = unshared(key)
    this.slots.set(own, slot)
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

  /** What a log may show of it: no client's key, and not the secret. */
  toJSON(): object {
    return { size: this.size, isFull: this.isFull }
  }

  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return this.toJSON()
  }

  private sweepInTurn(now: number): void {
    this.callsToSweep = CALLS_PER_SWEEP
    if (this.roundLeft <= 0) {
      // What a round has left will not all run out the moment after: under many calls the hand
      // would go round for nothing, a thousand times a second. Not "less than", as the clock may
      // have stepped back.
      if (Math.abs(now - this.roundBeganAt) < this.graceMs / 4) return
      this.roundBeganAt = now
      this.roundLeft = this.used
    }
    this.roundLeft -= SWEPT_AT_ONCE
    this.sweep(now - this.graceMs, SWEPT_AT_ONCE)
  }

  private sweep(runOutBy: number, steps: number): void {
    const { used, width } = this
    const { cells } = this.states
    let { hand } = this
    for (let i = 0; i < steps && i < used; i++) {
      if (hand >= used) hand = 0
      if ((cells[hand * width] as number) <= runOutBy) this.release(hand)
      hand++
    }
    this.hand = hand
  }

  private release(slot: number): void {
    const key = this.keys[slot]
    if (key === undefined) return
    this.slots.delete(key)
    this.keys[slot] = undefined
    const at = slot * this.width
    this.states.cells[at] = Number.POSITIVE_INFINITY
    this.states.cells[at + 1] = this.free
    if (this.states.rings.length > slot) this.states.rings[slot] = undefined
    this.free = slot
  }

  private vacant(): number {
    const { free } = this
    if (free !== NO_SLOT) {
      this.free = this.states.cells[free * this.width + 1] as number
      return free
    }
    if (this.used >= this.capacity) this.grow(Math.min(this.maxKeys, this.capacity * 2))
    return this.used++
  }

  private grow(capacity: number): void {
    const cells = new Float64Array(capacity * this.width)
    cells.set(this.states.cells)
    this.states.cells = cells
    this.capacity = capacity
  }

  private findRoom(key: string, now: number): number {
    if (this.slots.size < this.maxKeys) return NO_SLOT
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
    this.secret ??= crypto.getRandomValues(new Uint32Array(1))[0] as number
    let hash = this.secret
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
    hash ^= hash >>> 15
    return this.maxKeys + ((hash >>> 0) % this.overflowSlots)
  }
}

/**
 * A copy of the key that shares no memory. A part of a longer string (a header of several
 * kilobytes) keeps the whole of it alive in V8, which would make a small key cost what its sender
 * likes.
 */
function unshared(key: string): string {
  return key.length < 2 ? key : [key.slice(0, 1), key.slice(1)].join('')
}
