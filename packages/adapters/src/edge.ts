import { ConfigError, type Pipeline } from '@palisade/core'
import type { HostContext } from '@palisade/core/host'
import { type CompiledPipeline, inspectable, reportHandled } from '@palisade/core/host'

/** The context that a pipeline has on the first of some objects that stand for one request. */
export function contextIn(pipeline: CompiledPipeline, carriers: readonly object[]): HostContext | undefined {
  for (const carrier of carriers) {
    // An object that a handler derived from its request stands for the same request here.
    for (let at: object | null = carrier; at !== null; at = Object.getPrototypeOf(at)) {
      const ctx = pipeline.contextOf(at)
      if (ctx !== undefined) return ctx
    }
  }
  return undefined
}

/** The context of a request, or an error that says why the request has no context. */
export function requireContext(pipeline: CompiledPipeline, carriers: readonly object[]): HostContext {
  const ctx = contextIn(pipeline, carriers)
  if (ctx === undefined)
    throw new Error(
      'this pipeline did not run on this request: mount it in front of the handler that asks for its state',
    )
  return ctx
}

/**
 * Reports an error that the team answered itself, in a place that the edge cannot see: logged,
 * emitted and counted as if the edge had caught it, and never twice. Never throws.
 */
export function report(pipeline: CompiledPipeline, carriers: readonly object[], error: unknown): void {
  const ctx = contextIn(pipeline, carriers)
  if (ctx !== undefined) reportHandled(ctx, error)
  else pipeline.services.logger.error({ err: inspectable(error) }, NEVER_SEEN)
}

/** Such as an error of something in front of the edge. */
const NEVER_SEEN = 'an error was reported of a request that the pipeline never saw'

/**
 * The pipeline made ready to run.
 *
 * @throws ConfigError if `edge` is not a pipeline
 */
export function compiled<State extends object>(owner: string, edge: Pipeline<State>): CompiledPipeline {
  if (typeof (edge as Partial<Pipeline> | null | undefined)?.compile !== 'function')
    throw new ConfigError({
      owner,
      option: 'edge',
      value: edge,
      allowed: 'what pipeline() returns, with .use() and .branch()',
    })
  return edge.compile()
}

/** @throws ConfigError for what cannot be called */
export function requireHandler(owner: string, handler: unknown, allowed: string): void {
  if (typeof handler !== 'function')
    throw new ConfigError({ owner, option: 'handler', value: handler, allowed })
}
