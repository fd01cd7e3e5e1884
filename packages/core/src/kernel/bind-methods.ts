/**
 * Binds methods to their object. They then work apart from it, as in
 * `const { drain } = lifecycle()`, and in a copy, `{ ...limiter }`. Every factory does this for the
 * methods that its callers may use.
 */
export function bindMethods<T extends object>(object: T, ...names: readonly (keyof T & string)[]): T {
  for (const name of names) {
    const method = object[name] as unknown as (...args: unknown[]) => unknown
    object[name] = method.bind(object) as unknown as T[typeof name]
  }
  return object
}
