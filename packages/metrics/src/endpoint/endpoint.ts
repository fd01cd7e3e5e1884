import { adminApi, type Guard, privateNetworks, Reply, type RequestContext } from '@palisade/core'
import type { Collector } from '../collector.js'
import { TEXT_TYPE } from '../exposition/text.js'
import { wantsJson } from './negotiate.js'

export interface EndpointOptions {
  readonly path: string
  readonly access: 'private' | 'public'
  readonly authorize: Guard<RequestContext> | undefined
}

type Answer = ReturnType<NonNullable<ReturnType<typeof adminApi>['onRequest']>>

/** Serves what was collected: `path` as text or, when `Accept` prefers it, as JSON, and `path.json` as JSON. */
export class Endpoint {
  private readonly path: string
  private readonly jsonPath: string
  private readonly pages: readonly ReturnType<typeof adminApi>[]

  constructor({ path, access, authorize }: EndpointOptions, collected: () => Collector) {
    const guard = authorize ?? (access === 'public' ? () => true : privateNetworks())
    const json = () => Reply.json(200, collected().json())
    const negotiated = async (ctx: RequestContext) => {
      if (wantsJson(ctx.header('accept'))) return json().with({ Vary: 'Accept' })
      return new Reply(200, { 'Content-Type': TEXT_TYPE, Vary: 'Accept' }, await collected().text())
    }
    this.path = path
    this.jsonPath = `${path}.json`
    this.pages = [
      adminApi('metrics', { path, authorize: guard }, { '/': { GET: negotiated } }),
      adminApi('metrics', { path: this.jsonPath, authorize: guard }, { '/': { GET: json } }),
    ]
  }

  /** An answer, or nothing where the request is for somebody else. */
  answer(ctx: RequestContext): Answer {
    // Two comparisons for all other requests.
    if (!ctx.path.startsWith(this.path)) return undefined
    for (const page of this.pages) {
      const answer = page.onRequest?.(ctx)
      if (answer !== undefined) return answer
    }
    return undefined
  }

  /** The template that a request for it is counted under; `undefined` for all others. */
  routeOf(ctx: RequestContext): string | undefined {
    const { path } = ctx
    if (!path.startsWith(this.path)) return undefined
    return path === this.path || path === this.jsonPath ? path : undefined
  }
}
