import type { RequestContext, Services } from '@palisade/core'

/** What the limiters in front have put into the headers of a request. */
export interface Said {
  /** The draft fields; empty where nobody wrote them. */
  readonly policies: string
  readonly states: string
  /** The quota that the legacy fields tell of. */
  readonly tightest: { readonly remaining: number; readonly capacity: number } | undefined
}

/**
 * Two limiters of one pipeline know nothing of each other, and answer in the same headers. What they have in common is the pipeline's services
 * and the request: these maps are keyed by them, and hold nothing longer than they live.
 */
const WRITERS = new WeakMap<Services, Set<SharedHeaders>>()
const SAID = new WeakMap<RequestContext, Said>()

const NOTHING: Said = Object.freeze({ policies: '', states: '', tightest: undefined })

/** One limiter's share in the headers of a pipeline and its branches. */
export class SharedHeaders {
  private shared = false

  /** Whether another limiter may have written them, or may come to. Where there is none, nothing is kept of any request. */
  get isShared(): boolean {
    return this.shared
  }

  join(services: Services): void {
    const writers = WRITERS.get(services) ?? new Set()
    WRITERS.set(services, writers.add(this))
    if (writers.size > 1) for (const one of writers) one.shared = true
  }

  /** What those in front have said of this request. */
  heard(ctx: RequestContext): Said {
    return SAID.get(ctx) ?? NOTHING
  }

  /** Leaves what is said now to those behind. */
  say(ctx: RequestContext, said: Said): void {
    SAID.set(ctx, said)
  }
}
