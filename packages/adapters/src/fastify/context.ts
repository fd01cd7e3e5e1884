import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { CompiledPipeline } from '@palisade/core/host'
import type { FastifyRequest } from 'fastify'
import { NodeContext } from '../node-http/node-context.js'
import { endWithResponse, isUpgrade } from '../node-http/upgrade-status.js'

/**
 * Headers go straight to Node's response, so that they are there after `hijack()` and on answers
 * that pass Fastify by.
 */
export class FastifyContext extends NodeContext {
  private request: FastifyRequest | undefined = undefined
  private readonly rewritten: string | undefined

  /** @param rewritten what `rewriteUrl` makes of the target, where Fastify has not routed yet */
  constructor(
    pipeline: CompiledPipeline,
    req: IncomingMessage,
    res: ServerResponse,
    rewritten?: string | undefined,
  ) {
    super(pipeline, req, res)
    this.rewritten = rewritten
    // @fastify/websocket closes the socket only if its own hooks have seen the request.
    if (isUpgrade(req) && this.socket !== undefined) endWithResponse(this.socket, res)
  }

  get isRouted(): boolean {
    return this.request !== undefined
  }

  /** Fastify has routed the request. */
  routed(request: FastifyRequest): void {
    if (this.isRouted) return
    this.request = request
  }

  /**
   * The target after `rewriteUrl`: a rule by path must see what the router routes. Fastify keeps
   * the original as `originalUrl`.
   */
  protected override targetNow(): string {
    const { url = '/' } = this.req
    return this.isRouted ? url : (this.rewritten ?? url)
  }

  /** With what a hook in front of the pipeline assigned to `request.headers`. */
  protected override fieldsNow(): IncomingHttpHeaders {
    return this.request?.headers ?? this.req.headers
  }

  override get route(): string | undefined {
    return this.request?.routeOptions.url
  }
}
