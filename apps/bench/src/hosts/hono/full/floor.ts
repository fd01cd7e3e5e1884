import type { Context, MiddlewareHandler, Next } from 'hono'
import { routePath } from 'hono/route'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { NodeFloor } from '../../floor/node-floor.js'
import type { Refusal } from '../../floor/refusal.js'
import type { User } from '../../floor/tokens.js'
import { METRICS_PATH, type Setting, type Start } from '../../host.js'
import { type OnNode, serve } from '../host.js'

interface WithUser extends OnNode {
  Variables: { user: User }
}

export const start: Start = setting =>
  serve(app => {
    app.use(protection(setting))
  })

function protection(setting: Setting): MiddlewareHandler {
  const floor = new NodeFloor(setting)
  const protect: MiddlewareHandler<WithUser> = (c, next) => {
    const { incoming, outgoing } = c.env
    if (incoming.url === METRICS_PATH) return Promise.resolve(c.text(floor.counters.text()))
    const verdict = floor.pass(incoming, outgoing, () => routePath(c, -1))
    return verdict instanceof Promise
      ? verdict.then(settled => conclude(settled, c, next))
      : conclude(verdict, c, next)
  }
  return protect as MiddlewareHandler
}

function conclude(verdict: User | Refusal, c: Context<WithUser>, next: Next): Promise<Response | void> {
  if (!verdict.refused) {
    c.set('user', verdict)
    return next()
  }
  const { status, body } = verdict
  return Promise.resolve(body === null ? c.body(null, 204) : c.json(body, status as ContentfulStatusCode))
}
