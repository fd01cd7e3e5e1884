import type { CompiledPipeline, Reply } from '@palisade/core'
import type { Context } from 'hono'
import { observed, toResponse, withStaged } from '../web/response.js'
import { WebContext } from '../web/web-context.js'
import type { HonoContext } from './edge.js'
import { templateOf } from './template.js'

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

  override get route(): string | undefined {
    return templateOf(this.c)
  }

  answer(reply: Reply, isOuter: boolean): Response {
    const response = toResponse(this, reply)
    return isOuter ? observed(this, withStaged(this, response)) : response
  }

  answered(): void {
    const { c } = this
    this.error ??= c.error
    const response = observed(this, withStaged(this, c.res))
    if (response === c.res) return
    // Given one after the other, Hono would merge the headers of both.
    c.res = undefined
    c.res = response
  }
}
