import { read } from './read.js'

/** What a developer is shown of an error. Never in production. */
export function traceOf(cause: unknown): Readonly<Record<string, unknown>> {
  if (!(cause instanceof Error)) return { error: textOf(cause) }
  return {
    error: textOf(read(cause, 'message')),
    type: textOf(read(cause, 'name')),
    stack: textOf(read(cause, 'stack') ?? '')
      .split('\n')
      .map(line => line.trim()),
  }
}

/** Not every value becomes a text without throwing: an object without a prototype does not. */
function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return `a value of type ${typeof value}`
  }
}
