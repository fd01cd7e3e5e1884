import type { CompiledPipeline, RequestContext } from '@palisade/core'

/** The context of a request, or a plain sentence about why there is none. */
export function requireContext(pipeline: CompiledPipeline, carrier: object): RequestContext {
  const ctx = pipeline.contextOf(carrier)
  if (ctx === undefined)
    throw new Error(
      'this pipeline did not run on this request: mount it in front of the handler that asks for its state',
    )
  return ctx
}
