import type { CidrSet, Outcome, RequestContext } from '@palisade/core/middleware'
import { NOT_FOUND } from '../jails/jail.js'
import { DistinctPaths } from './distinct-paths.js'
import { isInduced } from './induced.js'
import { OnceAWindow } from './once-a-window.js'
import { isProbe } from './probe-paths.js'
import { violation } from './violation.js'

export interface ResponseSourceOptions {
  readonly countsNotFound: boolean
  readonly countsProbes: boolean
  readonly probePaths: readonly string[]
  /** How long a missing path is the same. */
  readonly window: number
  /** How long a client is not counted again for what pages made its browser send. */
  readonly inducedWindow: number
  readonly maxKeys: number
}

const PROBE_WEIGHT = 3

/** The names under which this package refuses; a refusal of its own is no violation. */
export const FAILBAN = 'failban'
export const IP_FILTER = 'ip-filter'

/**
 * What the answers say of a client: missing paths and probes. Not every 4xx: an expired token or a
 * form error is no attack.
 */
export class ResponseSource {
  readonly #options: ResponseSourceOptions
  readonly #paths: DistinctPaths
  readonly #induced: OnceAWindow

  constructor(options: ResponseSourceOptions) {
    this.#options = options
    this.#paths = new DistinctPaths(options.window, options.maxKeys)
    this.#induced = new OnceAWindow(options.inducedWindow, options.maxKeys)
  }

  watch(ctx: RequestContext, { status, route }: Outcome): void {
    if (status === undefined || status < 400) return
    const { key, bannable } = ctx.client
    if (key === undefined || !bannable || isOwnRefusal(ctx) || isPreflight(ctx)) return
    const { countsProbes, countsNotFound, probePaths } = this.#options
    const isProbing = countsProbes && isProbe(ctx.path, probePaths)
    if (!isProbing && !(countsNotFound && status === 404 && isNowhere(ctx, route))) return
    const source = isProbing ? 'probe' : NOT_FOUND
    const now = ctx.services.clock.monotonic()
    if (isInduced(ctx)) {
      if (this.#induced.isNew(key, now)) violation(ctx, { source, once: true })
    } else if (isProbing) violation(ctx, { source, weight: PROBE_WEIGHT })
    else if (this.#paths.isNew(key, ctx.path, now)) violation(ctx, { source })
  }

  forget(key: string): void {
    this.#paths.forget(key)
    this.#induced.forget(key)
  }

  forgetWithin(network: CidrSet): void {
    this.#paths.forgetWithin(network)
    this.#induced.forgetWithin(network)
  }

  sweep(now: number): void {
    this.#paths.sweep(now)
    this.#induced.sweep(now)
  }
}

function isOwnRefusal({ denial }: RequestContext): boolean {
  return denial?.by === FAILBAN || denial?.by === IP_FILTER
}

/**
 * Whether nothing exists at a path, as far as the pipeline knows. A missing record of an existing
 * route does not count, nor a record that a middleware hides from this caller: a client that asks
 * for five deleted orders is no scanner. A catch-all route does not count as a route: static files
 * and single-page applications are behind it.
 */
function isNowhere({ denial }: RequestContext, route: string | undefined): boolean {
  return denial?.by === undefined && (route === undefined || route.includes('*'))
}

/** The browser asks by itself, without credentials; the page's author cannot help it. */
function isPreflight(ctx: RequestContext): boolean {
  return (
    ctx.method === 'OPTIONS' &&
    ctx.header('origin') !== undefined &&
    ctx.header('access-control-request-method') !== undefined
  )
}
