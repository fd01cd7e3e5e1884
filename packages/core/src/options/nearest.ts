/** The known name that a misspelt one was probably meant to be, if one is near enough to say so. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = fold(name)
  let best: string | undefined
  let least = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(wanted, fold(candidate), least)
    if (distance < least) {
      best = candidate
      least = distance
    }
  }
  return best
}

const fold = (name: string) => name.toLowerCase().replace(/[-_]/g, '')

/**
 * Levenshtein distance with adjacent transpositions, given up at `limit`. Names are short; so is
 * this.
 */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let cost = Math.min(substitution, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1)
      row.push(cost)
    }
    before = previous
    previous = row
  }
  return previous[b.length] ?? limit
}
