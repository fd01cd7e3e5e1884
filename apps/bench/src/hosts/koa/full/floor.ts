import type { Context, Middleware, Next } from 'koa'
import { NodeFloor } from '../../floor/node-floor.js'
import type { Refusal } from '../../floor/refusal.js'
import type { User } from '../../floor/tokens.js'
import { METRICS_PATH, type Setting, type Start } from '../../host.js'
import { serve } from '../host.js'

export const start: Start = setting =>
  serve(app => {
    app.use(protection(setting))
  })

function protection(setting: Setting): Middleware {
  const floor = new NodeFloor(setting)
  return (ctx, next) => {
    if (ctx.req.url === METRICS_PATH) {
      ctx.body = floor.counters.text()
      return Promise.resolve()
    }
    const verdict = floor.pass(ctx.req, ctx.res, () => ctx['_matchedRoute'] as string | undefined)
    return verdict instanceof Promise
      ? verdict.then(settled => conclude(settled, ctx, next))
      : conclude(verdict, ctx, next)
  }
}

function conclude(verdict: User | Refusal, ctx: Context, next: Next): Promise<unknown> {
  if (!verdict.refused) {
    ctx.state['user'] = verdict
    return next()
  }
  ctx.status = verdict.status
  if (verdict.body !== null) ctx.body = verdict.body
  return Promise.resolve()
}
