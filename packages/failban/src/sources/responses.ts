import type { CidrSet, Outcome, RequestContext } from '@palisade/core'
import { NOT_FOUND } from '../jails/jail.js'
import { DistinctPaths } from './distinct-paths.js'
import { isProbe } from './probe-paths.js'
import { violation } from './violation.js'

export interface ResponseSourceOptions {
  readonly countsNotFound: boolean
  readonly countsProbes: boolean
  readonly probePaths: readonly string[]
  /** How long a missing path is the same. */
  readonly window: number
  readonly maxKeys: number
}

const PROBE_WEIGHT = 3

/** The names under which this package refuses; a refusal of its own is no violation. */
export const FAILBAN = 'failban'
export const IP_FILTER = 'ip-filter'

/** What the answers say of a client: missing paths and probes. Not every 4xx: an expired token or a form error is no attack. */
export class ResponseSource {
  private readonly options: ResponseSourceOptions
  private readonly paths: DistinctPaths

  constructor(options: ResponseSourceOptions) {
    this.options = options
    this.paths = new DistinctPaths(options.window, options.maxKeys)
  }

  watch(ctx: RequestContext, { status, route }: Outcome): void {
    if (status === undefined || status < 400) return
    const { key, bannable } = ctx.client
    if (key === undefined || !bannable || isOwnRefusal(ctx) || isPreflight(ctx)) return
    if (this.options.countsProbes && isProbe(ctx.path, this.options.probePaths))
      violation(ctx, { source: 'probe', weight: PROBE_WEIGHT })
    else if (this.options.countsNotFound && status === 404 && isNowhere(ctx, route) && this.isNew(ctx, key))
      violation(ctx, { source: NOT_FOUND })
  }

  forget(key: string): void {
    this.paths.forget(key)
  }

  forgetWithin(network: CidrSet): void {
    this.paths.forgetWithin(network)
  }

  sweep(now: number): void {
    this.paths.sweep(now)
  }

  private isNew(ctx: RequestContext, key: string): boolean {
    return this.paths.isNew(key, ctx.path, ctx.services.clock.monotonic())
  }
}

function isOwnRefusal({ denial }: RequestContext): boolean {
  return denial?.by === FAILBAN || denial?.by === IP_FILTER
}

/**
 * Whether there is nothing at a path, as far as can be told: not a record that its route does not have, nor what a middleware keeps from this caller. Who asks for
 * five orders that are gone is no scanner. A catch-all route is none: static files and single-page applications are behind it.
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
