import type { ClientAddress } from '@palisade/core'
import type { CompiledPipeline } from '@palisade/core/host'
import type { Context } from 'hono'
import type { NodeContext } from '../node-http/node-context.js'
import { HonoWebContext } from './web-context.js'

/**
 * A request that the application sends to itself with `c.env`: `app.request(path, init, c.env)`, a
 * mounted app, Hono's `method-override`. The pipeline runs on it as on any other. It has headers
 * and a response of its own; only the client is that of the outer request, because the inner
 * headers may be the client's words.
 */
export class HonoInnerContext extends HonoWebContext {
  private readonly outer: NodeContext

  constructor(pipeline: CompiledPipeline, c: Context, outer: NodeContext) {
    super(pipeline, c, outer.peer)
    this.outer = outer
  }

  override get client(): ClientAddress {
    return this.outer.client
  }

  override get secure(): boolean {
    return this.outer.secure
  }

  override get hasDisconnected(): boolean {
    return this.outer.hasDisconnected
  }

  /**
   * The application need not read the body of an inner response, so its end is at the latest that
   * of the outer one.
   */
  override watch(): void {
    if (this.observed) return
    super.watch()
    const { res } = this.outer
    if (!res.closed) res.once('close', () => this.outerClosed(!res.writableFinished))
  }

  private outerClosed(aborted: boolean): void {
    if (aborted || this.sentStatus !== undefined) this.finish(this.sentStatus, aborted)
  }
}
