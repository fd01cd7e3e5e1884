import type { IncomingMessage } from 'node:http'
import type { Reply } from '@palisade/core'
import type { CompiledPipeline } from '@palisade/core/host'
import type { Context } from 'hono'
import { hasLostPeer, watchUpgradeEnd } from '../node-http/end-of-response.js'
import { handOver, headOf } from '../node-http/upgrade.js'
import { watchUpgrade } from '../node-http/upgrade-status.js'
import { HonoWebContext } from './web-context.js'

/**
 * An upgrade that Hono's own WebSockets give to the app as a request. They write the answer on the
 * socket, and only the status and the headers of the `Response` get there, so the socket says how
 * the request ended.
 */
export class HonoUpgradeContext extends HonoWebContext {
  private readonly incoming: IncomingMessage
  private isWatched = false

  constructor(pipeline: CompiledPipeline, c: Context, peer: string | undefined, incoming: IncomingMessage) {
    super(pipeline, c, peer)
    this.incoming = incoming
    // Watched even if no middleware waits for the end: the watch closes the sockets of refused
    // clients.
    watchUpgrade(incoming.socket)
  }

  override watch(): void {
    if (this.isWatched) return
    this.isWatched = true
    watchUpgradeEnd(undefined, this.incoming.socket, this)
  }

  override get isUpgrade(): boolean {
    return true
  }

  override get hasSocket(): boolean {
    return true
  }

  /**
   * Hono's WebSockets write on the socket what the app returns, so it returns nothing where a
   * middleware takes over.
   */
  override answer(reply: Reply, isOuter: boolean): Response | Promise<Response> {
    const { takesOver } = reply
    if (takesOver === undefined) return super.answer(reply, isOuter)
    const upgrade = { socket: this.incoming.socket, head: headOf(this.incoming) }
    return new Promise(resolve => {
      handOver(this, takesOver, upgrade, failed => resolve(super.answer(failed, isOuter)))
    })
  }

  override get hasDisconnected(): boolean {
    return this.peer === undefined && hasLostPeer(this.incoming.socket)
  }
}
