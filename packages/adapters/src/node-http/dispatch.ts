import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CompiledPipeline, HostContext } from '@palisade/core/host'
import { NodeContext } from './node-context.js'
import { isUpgrade } from './upgrade-status.js'

/**
 * The context of a dispatch, if the pipeline has met it. A request that comes with another response
 * is another dispatch: the application sends it to itself (a batch). A branch belongs to the
 * dispatch that its parent met last, and an upgrade has no response of its own.
 */
export function contextOfDispatch(
  pipeline: CompiledPipeline,
  req: IncomingMessage,
  res: ServerResponse,
): HostContext | undefined {
  const known = pipeline.contextOf(req)
  if (!(known instanceof NodeContext) || known.res === res) return known
  return pipeline.parent !== undefined || isUpgrade(req) ? known : undefined
}

/** Puts the context of a new dispatch on its request. */
export function attachDispatch<Context extends NodeContext>(
  pipeline: CompiledPipeline,
  ctx: Context,
): Context {
  const outer = pipeline.contextOf(ctx.req)
  if (outer instanceof NodeContext) ctx.isWithin(outer)
  pipeline.attach(ctx.req, ctx)
  return ctx
}
