import type { RequestContext, Services } from '../contract/context.js'

/** What the limiters in front have put into the headers of a request. */
export interface Said {
  /** The draft fields; empty if no limiter wrote them. */
  readonly policies: string
  readonly states: string
  /** The quota that the legacy fields show. */
  readonly tightest: { readonly remaining: number; readonly capacity: number } | undefined
}

/**
 * Two limiters of one pipeline know nothing of each other, and answer in the same headers. What
 * they have in common is the pipeline: there they meet. Nothing of a request is kept longer than
 * its context lives.
 */
interface Meeting {
  readonly writers: Set<SharedHeaders>
  readonly said: WeakMap<RequestContext, Said>
}

const MEETING = Symbol.for('palisade.limit-headers.v1')

const NOTHING: Said = Object.freeze({ policies: '', states: '', tightest: undefined })

/** One limiter's share in the headers of a pipeline and its branches. */
export class SharedHeaders {
  /**
   * Whether another limiter may have written them, or may come to. Without another limiter, nothing
   * is kept of any request.
   */
  isShared = false

  join(services: Services): void {
    const { writers } = meetingOf(services)
    writers.add(this)
    if (writers.size > 1) for (const one of writers) one.isShared = true
  }

  /** What those in front have said of this request. */
  heard(ctx: RequestContext): Said {
    return meetingOf(ctx.services).said.get(ctx) ?? NOTHING
  }

  /** Leaves what is said now to those behind. */
  say(ctx: RequestContext, said: Said): void {
    meetingOf(ctx.services).said.set(ctx, said)
  }
}

function meetingOf({ shared }: Services): Meeting {
  let meeting = shared.get(MEETING) as Meeting | undefined
  if (meeting === undefined) {
    meeting = { writers: new Set(), said: new WeakMap() }
    shared.set(MEETING, meeting)
  }
  return meeting
}
