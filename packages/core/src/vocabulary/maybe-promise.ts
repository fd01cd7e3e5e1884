export type MaybePromise<T> = T | Promise<T>

/** Whether a middleware's answer has to be waited for. `false` also for what cannot be inspected. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null) return false
  try {
    return typeof (value as { then?: unknown }).then === 'function'
  } catch {
    return false
  }
}
