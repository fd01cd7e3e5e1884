import { type AdminHandler, adminApi, type QueryRoute } from '@palisade/core/admin'
import { type Check, type Guard, Reply, type RequestContext, text } from '@palisade/core/middleware'
import type { MetricsView } from '../collector.js'
import { TEXT_TYPE } from '../exposition/text.js'
import { wantsJson } from './negotiate.js'

export interface EndpointOptions {
  /** The factory that the team called. */
  readonly owner: string
  readonly path: string
  readonly authorize: Guard<RequestContext>
}

/** Short enough for the same path with `.json` behind it. */
export const path: Check<string> = text({
  pattern: /^(?:\/[\w.~-]+)+$/,
  allowed: 'a path such as "/metrics"',
  max: 195,
})

/** What there is to serve. */
export interface Source {
  text(): Promise<string>
  json(): MetricsView
}

/** Scrapers send the `params` of their configuration, and cache busters theirs. */
const scraped = (handle: AdminHandler): QueryRoute => ({ query: 'any', handle })

type Answer = ReturnType<NonNullable<ReturnType<typeof adminApi>['onRequest']>>

/**
 * Serves what was collected: `path` as text or, when `Accept` prefers it, as JSON, and `path.json`
 * as JSON.
 */
export class Endpoint {
  /** The two paths. */
  readonly paths: readonly [text: string, json: string]
  readonly #path: string
  readonly #letter: string | undefined
  readonly #pages: readonly ReturnType<typeof adminApi>[]

  constructor({ owner, path, authorize }: EndpointOptions, source: Source) {
    const json = () => Reply.json(200, source.json())
    const negotiated = async (ctx: RequestContext) => {
      if (wantsJson(ctx.header('accept'))) return json().with({ Vary: 'Accept' })
      return new Reply(200, { 'Content-Type': TEXT_TYPE, Vary: 'Accept' }, await source.text())
    }
    this.#path = path
    this.#letter = path[1]
    this.paths = [path, `${path}.json`]
    this.#pages = [
      adminApi(owner, { path, authorize }, { '/': { GET: scraped(negotiated) } }),
      adminApi(owner, { path: this.paths[1], authorize }, { '/': { GET: scraped(json) } }),
    ]
  }

  /** An answer, or nothing if the request is for another handler, as nearly all are. */
  answer(ctx: RequestContext): Answer {
    const { path } = ctx
    // Most other paths differ in the letter behind the slash; by its index, as methods of strings
    // are not always inlined.
    if (path[1] !== this.#letter || !path.startsWith(this.#path)) return undefined
    return this.#ask(ctx)
  }

  #ask(ctx: RequestContext): Answer {
    for (const page of this.#pages) {
      const answer = page.onRequest?.(ctx)
      if (answer !== undefined) return answer
    }
    return undefined
  }
}
