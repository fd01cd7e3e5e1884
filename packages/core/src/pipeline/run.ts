import type { Services } from '../contract/context.js'
import type { Outcome } from '../contract/outcome.js'
import type { RequestTarget } from '../path/request-target.js'

/** What a request's context asks of the pipelines that run on it. */
export interface Runner<Context> {
  readonly services: Services
  /** An empty state with all names that the middlewares give. */
  newState(): object
  /** The id that a middleware of the pipeline gives a request. */
  identify(ctx: Context): string | undefined
  /** Emits `request:start`. */
  announce(ctx: Context): void
  /** Whether one of the first `reached` middlewares has that name. */
  isReached(name: string, reached: number): boolean
  /** Runs `onResponse` for the first `reached` middlewares. */
  finish(ctx: Context, reached: number, outcome: Outcome): void
}

/** The pipelines that ran on a request, the root and its branches, the last one first. */
export interface Run<Context> {
  readonly pipeline: Runner<Context>
  /** What its middlewares see, also at the end. */
  readonly target: RequestTarget
  /** The `Authorization` that they see. */
  readonly credential: string | undefined
  /** How many middlewares were reached. */
  reached: number
  /** Whether all of them let the request through. */
  passed: boolean
  readonly before: Run<Context> | undefined
}

/** The last run of a pipeline. */
export function runOf<Context>(
  runs: Run<Context> | undefined,
  pipeline: Runner<Context>,
): Run<Context> | undefined {
  for (let run = runs; run !== undefined; run = run.before) if (run.pipeline === pipeline) return run
  return undefined
}

/** Whether a middleware of that name was reached in front of the one that runs. */
export function hasReached<Context>(runs: Run<Context> | undefined, name: string): boolean {
  let own = 1
  for (let run = runs; run !== undefined; run = run.before) {
    if (run.pipeline.isReached(name, run.reached - own)) return true
    own = 0
  }
  return false
}
