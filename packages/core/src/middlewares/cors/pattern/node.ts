/**
 * A regular expression as the texts that it may match, in the characters of an origin. Assertions
 * are left out and a back reference is any text, so a pattern matches at most what its node says.
 */
export type Node =
  | { readonly kind: 'character'; readonly set: Characters }
  | { readonly kind: 'sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'choice'; readonly branches: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number }

/** The characters that may stand in one place, in lower case. */
export type Characters = ReadonlySet<string>

export const NOTHING: Node = { kind: 'sequence', parts: [] }

/** What an origin is made of: visible ASCII in lower case without what ends a host. */
export const ALPHABET: readonly string[] = Array.from({ length: 0x7f - 0x21 }, (_, i) =>
  String.fromCharCode(0x21 + i),
).filter(c => !/[A-Z?#@\\,"<>]/.test(c))

export const ANY_TEXT: Node = {
  kind: 'repeat',
  node: { kind: 'character', set: new Set(ALPHABET) },
  min: 0,
  max: Number.POSITIVE_INFINITY,
}
