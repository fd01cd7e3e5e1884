import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { CompiledPipeline } from '@palisade/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { NodeContext } from '../node-http/node-context.js'
import { endWithResponse, isUpgrade } from '../node-http/upgrade-status.js'

/**
 * Headers go straight to Node's response, so that they are there after `hijack()` and on answers that pass Fastify by. Cookies go to
 * Fastify's reply as well: it writes its own list over that of the response.
 */
export class FastifyContext extends NodeContext {
  private request: FastifyRequest | undefined = undefined
  private reply: FastifyReply | undefined = undefined

  constructor(pipeline: CompiledPipeline, req: IncomingMessage, res: ServerResponse) {
    super(pipeline, req, res)
    // @fastify/websocket closes the socket only if its own hooks have seen the request.
    if (isUpgrade(req) && this.socket !== undefined) endWithResponse(this.socket, res)
  }

  get isRouted(): boolean {
    return this.reply !== undefined
  }

  /** Fastify has routed the request. */
  routed(request: FastifyRequest, reply: FastifyReply): void {
    if (this.isRouted) return
    this.request = request
    this.reply = reply
    // What was appended before Fastify had a reply.
    const cookies = this.res.getHeader('set-cookie')
    if (cookies !== undefined) reply.header('set-cookie', cookies)
  }

  /** What `rewriteUrl` made of it, as a rule by path must see what the router routes. Fastify keeps the original as `originalUrl`. */
  protected override targetNow(): string {
    return this.req.url ?? '/'
  }

  /** With what a hook in front of the pipeline assigned to `request.headers`. */
  protected override fieldsNow(): IncomingHttpHeaders {
    return this.request?.headers ?? this.req.headers
  }

  override get route(): string | undefined {
    return this.request?.routeOptions.url
  }

  override appendHeader(name: string, value: string): void {
    super.appendHeader(name, value)
    if (name.length === 10 && name.toLowerCase() === 'set-cookie') this.reply?.header('set-cookie', value)
  }
}
