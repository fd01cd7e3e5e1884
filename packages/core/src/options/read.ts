import { type OptionPath, refuse, within } from './option-path.js'

/**
 * The names that an object of options has itself; `undefined` for what is no such object, or hides
 * some where they would not be read.
 */
export function namesOf(value: unknown, known: readonly string[]): readonly string[] | undefined {
  if (value === null || typeof value !== 'object') return undefined
  try {
    if (Array.isArray(value)) return undefined
    const names = Object.keys(value)
    let parent: object | null = Object.getPrototypeOf(value)
    if (names.length === 0 && !isRoot(parent)) return undefined
    for (; parent !== null && !isRoot(parent); parent = Object.getPrototypeOf(parent))
      if (known.some(name => Object.hasOwn(parent as object, name))) return undefined
    return names
  } catch {
    // A proxy that does not let itself be looked at.
    return undefined
  }
}

/** What a plain object has whose names are free, each read once. */
export function membersOf(
  value: unknown,
  at: OptionPath,
  allowed: string,
): readonly (readonly [name: string, value: unknown])[] {
  const names = isPlain(value) ? namesOf(value, []) : undefined
  if (names === undefined) return refuse(at, value, allowed)
  return names.map(name => [name, read(value, name, within(at, name))])
}

function isPlain(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return false
  try {
    return isRoot(Object.getPrototypeOf(value))
  } catch {
    return false
  }
}

/** Whether it is nothing, or the prototype of plain objects in whatever realm. */
const isRoot = (parent: object | null) => parent === null || Object.getPrototypeOf(parent) === null

/** An option of the object itself. A getter that throws is a wrong option like any other. */
export function read(options: unknown, name: string, at: OptionPath): unknown {
  const given = options as Record<string, unknown>
  try {
    return Object.hasOwn(given, name) ? given[name] : undefined
  } catch (error) {
    return refuse(at, error, 'a value that can be read', error)
  }
}

/**
 * What stands at each place of an array, holes included, which its own methods leave out and so
 * would leave unchecked. `undefined` for what is no array, and for one that is too long.
 */
export function entriesOf(value: unknown, most: number): readonly unknown[] | undefined {
  try {
    if (!Array.isArray(value)) return undefined
    const { length } = value
    return length > most ? undefined : Array.from({ length }, (_, index): unknown => value[index])
  } catch {
    return undefined
  }
}
