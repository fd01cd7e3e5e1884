/** What a developer is shown of an error. Never in production. */
export function traceOf(cause: unknown): Readonly<Record<string, unknown>> {
  if (!(cause instanceof Error)) return { error: String(cause) }
  return {
    error: cause.message,
    type: cause.name,
    stack: (cause.stack ?? '').split('\n').map(line => line.trim()),
  }
}
