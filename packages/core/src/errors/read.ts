/**
 * A property of a thrown value. A getter or a Proxy may itself throw; an error must not be lost by
 * that.
 */
export function read(value: unknown, name: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  try {
    return (value as Record<string, unknown>)[name]
  } catch {
    return undefined
  }
}
