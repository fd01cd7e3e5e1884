/**
 * Freezes all but bytes, which the language does not let freeze. Without recursion: claims come
 * from outside and may be nested as deep as a token is long.
 */
export function deepFreeze<T extends object>(root: T): T {
  const waiting: object[] = [root]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (ArrayBuffer.isView(next)) continue
    Object.freeze(next)
    for (const value of Object.values(next)) {
      if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) waiting.push(value)
    }
  }
  return root
}
