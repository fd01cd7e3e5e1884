import { preferred } from '@palisade/core/middleware'

/**
 * Whether the client would rather have HTML than JSON. A tie, a wildcard alone, and a missing field
 * mean JSON: programs say `Accept: *\/*`, browsers name `text/html`.
 */
export function prefersHtml(accept: string | undefined): boolean {
  return preferred(accept, ['application/json', 'text/html']) === 'text/html'
}
