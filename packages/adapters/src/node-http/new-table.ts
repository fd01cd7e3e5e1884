/** The headers of a response of Node, by lower-case name: the name as given and the value. */
export type HeaderTable = Record<string, [name: string, value: string | number | readonly string[]]>

/**
 * An empty table with room for 32 headers. The object that Node makes is a dictionary, which is
 * slower to fill and is sorted when the head is written:
 * docs/decisions/0005-keep-the-header-table-a-fast-object.md
 */
export function newTable(): HeaderTable {
  return new Table(false)
}

type Slot = `${'a' | 'b' | 'c' | 'd'}${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8}`

/** V8 makes room for what the text of a constructor assigns, if its first objects have it. */
const Table = function (this: Partial<Record<Slot, 0>>, isFull: boolean) {
  if (!isFull) return
  this.a1 = this.a2 = this.a3 = this.a4 = this.a5 = this.a6 = this.a7 = this.a8 = 0
  this.b1 = this.b2 = this.b3 = this.b4 = this.b5 = this.b6 = this.b7 = this.b8 = 0
  this.c1 = this.c2 = this.c3 = this.c4 = this.c5 = this.c6 = this.c7 = this.c8 = 0
  this.d1 = this.d2 = this.d3 = this.d4 = this.d5 = this.d6 = this.d7 = this.d8 = 0
} as unknown as new (
  isFull: boolean,
) => HeaderTable

// With another prototype a header named "constructor" would be found.
Table.prototype = Object.freeze(Object.create(null))
for (let i = 0; i < 16; i++) new Table(true)
