/** Names one by one or in an array, then perhaps options. */
export type Named<Options> =
  | readonly [...names: string[]]
  | readonly [...names: string[], options: Options]
  | readonly [names: readonly string[], options?: Options]

/** Takes such arguments apart. Says nothing of what they are: that is checked as an option is. */
export function namesAndOptions(given: readonly unknown[]): { names: unknown; options: unknown } {
  const last = given.at(-1)
  const hasOptions = typeof last === 'object' && last !== null && !Array.isArray(last)
  const names = hasOptions ? given.slice(0, -1) : given
  return {
    names: names.length === 1 && Array.isArray(names[0]) ? names[0] : names,
    options: hasOptions ? last : {},
  }
}
