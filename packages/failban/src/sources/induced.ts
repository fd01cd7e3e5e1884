import type { RequestContext } from '@palisade/core/middleware'

/**
 * Whether a browser says that the client may not have asked for this itself: a page of another site
 * asked (also one of a sibling site), or a page asked for a part of itself, such as an image (W3C
 * Fetch Metadata).
 *
 * Every page can hold `<img src="https://victim.example/.env">`, and must not have its visitors banned by it. A page cannot change
 * these fields; a program can send them.
 *
 * `Sec-Fetch-Mode: cors` alone is no browser's: Node's `fetch()` sends this field and no other, and
 * browsers send the site with it.
 */
export function isInduced(ctx: Pick<RequestContext, 'header'>): boolean {
  const site = ctx.header('sec-fetch-site')
  const dest = ctx.header('sec-fetch-dest')
  const mode = ctx.header('sec-fetch-mode')
  if (site === undefined && dest === undefined && mode === 'cors') return false
  return (
    (site !== undefined && site !== 'same-origin' && site !== 'none') ||
    (dest !== undefined && dest !== 'document') ||
    (mode !== undefined && mode !== 'navigate')
  )
}
