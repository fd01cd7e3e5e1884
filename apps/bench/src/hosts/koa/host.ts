import type { Server } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import { BODY, LOOPBACK, listening, PATH } from '../host.js'

export function serve(protect: (app: Koa) => void): Promise<Server> {
  const app = new Koa()
  const router = new Router()
  router.get(PATH, ctx => {
    ctx.body = BODY
  })
  protect(app)
  app.use(router.routes())
  return listening(app.listen(0, LOOPBACK))
}
