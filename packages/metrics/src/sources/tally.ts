const MOST_NAMES = 100
const LONGEST_NAME = 200
const OTHER = '_other'

/**
 * Counts by name, of at most 100 names; what comes later is counted as `_other`. For names that may
 * come from outside.
 */
export class Tally {
  readonly #counts = new Map<string, { value: number }>()
  total = 0

  add(name: string): void {
    const count = this.#counts.get(name) ?? this.#begin(name)
    count.value++
    this.total++
  }

  of(name: string): number {
    return this.#counts.get(name)?.value ?? 0
  }

  names(): readonly string[] {
    return [...this.#counts.keys()]
  }

  reset(): void {
    this.#counts.clear()
    this.total = 0
  }

  #begin(given: string): { value: number } {
    const short = String(given).slice(0, LONGEST_NAME)
    const name = this.#counts.has(short) || this.#counts.size < MOST_NAMES ? short : OTHER
    const count = this.#counts.get(name) ?? { value: 0 }
    this.#counts.set(name, count)
    return count
  }
}

/** What several tallies say of each name that one of them knows. */
export function byName<T>(
  tallies: readonly Tally[],
  value: (name: string) => T,
): Readonly<Record<string, T>> {
  const names = new Set(tallies.flatMap(tally => tally.names()))
  return Object.fromEntries([...names].map(name => [name, value(name)]))
}
