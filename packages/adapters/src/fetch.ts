import type { Diagnosis, Pipeline, RequestContext } from '@palisade/core'
import { type CompiledPipeline, type HostContext, succeed } from '@palisade/core/host'
import { callback, checkOptions, optional } from '@palisade/core/middleware'
import { compiled, report, requireContext, requireHandler } from './edge.js'
import { failure, observed, requireUnread, toResponse, withStaged } from './web/response.js'
import { WebContext } from './web/web-context.js'

/**
 * `ctx.state` is what the pipeline's middlewares have put there; `rest` is what the platform gives
 * (`env`, `server`, `info`).
 */
export type FetchHandler<State extends object, Rest extends readonly unknown[]> = (
  request: Request,
  ctx: RequestContext<State>,
  ...rest: Rest
) => Response | Promise<Response>

export interface FetchOptions<Rest extends readonly unknown[]> {
  /**
   * The address of the socket, which a `Request` does not have:
   * `(request, server) => server.requestIP(request)?.address` on Bun,
   * `(request, info) => info.remoteAddr.hostname` on Deno. Without it no client has an address, and
   * none is counted.
   */
  peer?: (request: Request, ...rest: Rest) => string | undefined
}

export interface FetchEdge<State extends object, Rest extends readonly unknown[]> {
  (request: Request, ...rest: Rest): Promise<Response>
  /**
   * What the pipeline's middlewares have put into the request's state. @throws Error when the
   * pipeline never ran on it
   */
  state(request: Request): State
  context(request: Request): RequestContext<State>
  /**
   * What the pipeline's `trust` gets wrong about the topology, from its first 100 requests;
   * `undefined` while nothing is wrong.
   */
  diagnose(): Diagnosis | undefined
  /**
   * Reports an error that the handler answers itself. Logs it, emits `request:error` and counts it,
   * once.
   */
  report(error: unknown, request: Request): void
}

/**
 * Puts a pipeline in front of a handler of the Fetch standard, for any runtime that has `fetch`.
 *
 *     export default { fetch: toFetch(edge, (request, ctx) => new Response(ctx.state.requestId)) }
 *
 * @throws ConfigError
 */
export function toFetch<State extends object, Rest extends readonly unknown[] = []>(
  edge: Pipeline<State>,
  handler: FetchHandler<State, Rest>,
  options: FetchOptions<Rest> = {},
): FetchEdge<State, Rest> {
  const { peer } = checkOptions('toFetch', options, {
    peer: optional(callback<NonNullable<FetchOptions<Rest>['peer']>>('a function (request, ...) => address')),
  })
  requireHandler('toFetch', handler, 'a function (request, ctx, ...) => Response')
  const pipeline = compiled('toFetch', edge)
  const serve = async (request: Request, ...rest: Rest): Promise<Response> => {
    const known = pipeline.contextOf(request) as WebContext | undefined
    const ctx = known ?? enter(pipeline, request, peer?.(request, ...rest))
    const before = ctx.request
    const answer = pipeline.run(ctx)
    const reply = answer instanceof Promise ? await answer : answer
    // A branch inside leaves the headers and the end to its parent.
    const isOuter = known === undefined
    const finish = (response: Response) => (isOuter ? withStaged(ctx, response) : response)
    if (reply !== undefined)
      return isOuter ? observed(ctx, finish(toResponse(ctx, reply))) : toResponse(ctx, reply)
    let response: Response
    try {
      // A middleware that looked into the body has put another request in the place of this one.
      const passed = ctx.request === before ? request : succeed(request, ctx.request)
      const made = await handler(passed, ctx as HostContext as unknown as RequestContext<State>, ...rest)
      response = finish(requireUnread(made))
    } catch (error) {
      response = finish(failure(ctx, error))
    }
    return isOuter ? observed(ctx, response) : response
  }
  return Object.assign(serve, {
    diagnose: () => pipeline.diagnose(),
    state: (request: Request) => requireContext(pipeline, [request]).state as State,
    context: (request: Request) => requireContext(pipeline, [request]) as unknown as RequestContext<State>,
    report: (error: unknown, request: Request) => report(pipeline, [request], error),
  })
}

function enter(pipeline: CompiledPipeline, request: Request, peer: string | undefined): WebContext {
  const ctx = new WebContext(pipeline.root, request, peer)
  pipeline.attach(request, ctx)
  return ctx
}
