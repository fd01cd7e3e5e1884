import type { Server } from 'node:http'
import express, { type Express } from 'express'
import { BODY, LOOPBACK, listening, PATH } from '../host.js'

/** @param after what is to come behind the route, such as an error handler */
export function serve(
  protect: (app: Express) => void,
  after: (app: Express) => void = () => {},
): Promise<Server> {
  const app = express()
  app.disable('x-powered-by')
  protect(app)
  app.get(PATH, (_req, res) => {
    res.json(BODY)
  })
  after(app)
  return listening(app.listen(0, LOOPBACK))
}
