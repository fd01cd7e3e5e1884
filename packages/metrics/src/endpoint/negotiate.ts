import { preferred } from '@palisade/core/middleware'

/**
 * Whether `Accept` prefers JSON to text. Prometheus asks for text types by name, browsers for HTML,
 * neither for JSON.
 */
export function wantsJson(accept: string | undefined): boolean {
  const types = ['text/plain', 'application/openmetrics-text', 'application/json'] as const
  return preferred(accept, types) === 'application/json'
}
