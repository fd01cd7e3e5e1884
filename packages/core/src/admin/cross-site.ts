import type { RequestContext } from '../contract/context.js'
import { isOwnOrigin } from './own-origin.js'

/** RFC 9110 section 9.2.1. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/**
 * Whether a page of another site sent a request that changes something, so that a login that the
 * browser sends on its own (Basic, a cookie) must not count.
 *
 * `Sec-Fetch-Site` decides where it is sent. A request for which a preflight asked passes then:
 * every method but POST, and JSON (Fetch standard, "CORS-safelisted"). Browsers send it only to
 * trustworthy URLs, since 2023 all of them. Without it, `Origin` must be the request's own, and
 * without `Origin` the `Referer`. A client that sends none of the three is no browser.
 */
export function isFromOtherSite(ctx: RequestContext): boolean {
  if (SAFE.has(ctx.method)) return false
  const site = ctx.header('sec-fetch-site')
  if (site !== undefined) return site !== 'same-origin' && site !== 'none' && needsNoPreflight(ctx)
  const origin = ctx.header('origin') ?? originOf(ctx.header('referer'))
  return origin !== undefined && !isOwnOrigin(ctx, origin)
}

function needsNoPreflight(ctx: RequestContext): boolean {
  return ctx.method === 'POST' && !/^application\/json[ \t]*(?:;|$)/i.test(ctx.header('content-type') ?? '')
}

/** Text that is no URL stays what it is, and is no origin. */
function originOf(referer: string | undefined): string | undefined {
  if (referer === undefined || referer === '') return undefined
  return URL.canParse(referer) ? new URL(referer).origin : referer
}
