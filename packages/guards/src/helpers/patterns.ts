/**
 * Segments of a scope or a resource, past which the ways to write a pattern for it grow too many.
 */
export const MOST_SEGMENTS = 6

/**
 * RFC 6749 section 3.3: printable ASCII without the quote and the backslash, so that it needs no
 * escape in a challenge either.
 */
export const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/

/**
 * Every pattern that covers a name, the name itself first and the wider ones later: of
 * `orders:write` also `orders:*`, `*:write`, `*:*`, `orders:**`, `*:**` and `**`. `*` stands for
 * one whole segment, `**` at the end for one or more. Asking a set for each of them costs the same
 * however many patterns are in the set.
 */
export function patternsOf(name: string): readonly string[] {
  const segments = name.split(':')
  const patterns: string[] = []
  let prefixes = ['']
  const deep: string[] = []
  segments.forEach((segment, i) => {
    const join = i === 0 ? '' : ':'
    deep.push(...prefixes.map(prefix => `${prefix}${join}**`))
    prefixes = [
      ...prefixes.map(prefix => `${prefix}${join}${segment}`),
      ...prefixes.map(prefix => `${prefix}${join}*`),
    ]
  })
  patterns.push(...prefixes, ...deep.reverse())
  return Object.freeze(patterns)
}

/** Whether the text is a name without wildcards, of few enough segments, none of them empty. */
export function isPlainName(name: string): boolean {
  const segments = name.split(':')
  return (
    segments.length <= MOST_SEGMENTS && segments.every(segment => segment !== '' && !segment.includes('*'))
  )
}
