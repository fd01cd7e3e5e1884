import type { Reply } from '@palisade/core'
import type { CompiledPipeline } from '@palisade/core/host'
import { wrongResult } from '@palisade/core/middleware'
import type { Context } from 'hono'
import { mergeVary } from '../vary.js'
import { failure, observed, requireUnread, toResponse, withStaged } from '../web/response.js'
import { WebContext } from '../web/web-context.js'
import type { HonoContext, HonoOptions } from './edge.js'
import { mountOf, templateOf } from './template.js'

/** A request of Hono away from Node. */
export class HonoWebContext extends WebContext implements HonoContext {
  private readonly c: Context
  private isMet = false

  constructor(pipeline: CompiledPipeline, c: Context, peer: string | undefined) {
    super(pipeline, c.req.raw, peer)
    this.c = c
  }

  meets(): boolean {
    const isFirst = !this.isMet
    this.isMet = true
    return isFirst
  }

  protected override get current(): Request {
    return this.c.req.raw
  }

  protected override replace(request: Request): void {
    this.c.req.raw = request
  }

  override get route(): string | undefined {
    return templateOf(this.c)
  }

  protected override get mountPath(): string | undefined {
    return mountOf(this.c)
  }

  answer(reply: Reply, isOuter: boolean): Response | Promise<Response> {
    const made = toResponse(this, reply)
    const response = isOuter ? withStaged(this, made) : made
    this.gatherWithFront(response.headers)
    return isOuter ? observed(this, response) : response
  }

  /**
   * Hono puts the fields that were set in front of the edge on our answer, in the place of ours.
   */
  private gatherWithFront(ours: Headers): void {
    const vary = ours.get('Vary')
    const cookies = ours.getSetCookie()
    if (vary === null && cookies.length === 0) return
    const front = this.c.res.headers
    if (vary !== null && front.has('Vary')) front.set('Vary', mergeVary(front.get('Vary') ?? '', vary))
    if (front.has('Set-Cookie')) for (const line of cookies) front.append('Set-Cookie', line)
  }

  answered(): void {
    const { c } = this
    if (c.error !== undefined) this.noteError(c.error)
    const response = observed(this, withStaged(this, this.made()))
    if (c.finalized && response === c.res) return
    // Given one after the other, Hono would merge the headers of both.
    c.res = undefined
    c.res = response
  }

  /**
   * The handler's response, or the answer to a response that cannot be sent. `c.res` is read only
   * if it is final: otherwise Hono would make an empty 200.
   */
  private made(): Response {
    try {
      return requireUnread((this.c.finalized ? this.c.res : undefined) as Response)
    } catch (error) {
      return failure(this, error)
    }
  }
}

/**
 * The address of the socket, as the team tells it; else that of Node's request, which
 * `@hono/node-server` gives without a response for its own WebSockets, and where a bundler took a
 * Node server for another platform.
 */
export function addressOf(c: Context, peer: HonoOptions['peer']): string | undefined {
  if (peer !== undefined) {
    const address: unknown = peer(c)
    if (address === undefined || typeof address === 'string') return address
    throw wrongResult('toHono: peer', address, 'an address as text, or undefined')
  }
  const env = c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined
  return env?.incoming?.socket?.remoteAddress
}
