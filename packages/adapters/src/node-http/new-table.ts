/** The headers that a response of Node will send: the name in lower case to the name as given and its value. */
export type HeaderTable = Record<string, [name: string, value: string | number | readonly string[]]>

/**
 * An empty table as a fast object with room for 32 headers. An object without a prototype, as Node makes it, is a dictionary: it grows five times on
 * the way to the two dozen headers of a protected answer, and is sorted when they are written. That is 4 us of CPU of 45 on Fastify, Hono and Koa.
 */
export function newTable(): HeaderTable {
  return new Table(false)
}

type Slot = `${'a' | 'b' | 'c' | 'd'}${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8}`

/** V8 makes room for as many properties as the text of a constructor assigns, if the first objects have them. */
const Table = function (this: Partial<Record<Slot, 0>>, isFull: boolean) {
  if (!isFull) return
  this.a1 = this.a2 = this.a3 = this.a4 = this.a5 = this.a6 = this.a7 = this.a8 = 0
  this.b1 = this.b2 = this.b3 = this.b4 = this.b5 = this.b6 = this.b7 = this.b8 = 0
  this.c1 = this.c2 = this.c3 = this.c4 = this.c5 = this.c6 = this.c7 = this.c8 = 0
  this.d1 = this.d2 = this.d3 = this.d4 = this.d5 = this.d6 = this.d7 = this.d8 = 0
} as unknown as new (
  isFull: boolean,
) => HeaderTable

// No name of a header may find anything but a header.
Table.prototype = Object.freeze(Object.create(null))
for (let i = 0; i < 16; i++) new Table(true)
