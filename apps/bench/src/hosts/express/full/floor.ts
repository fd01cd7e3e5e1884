import type { RequestHandler, Response } from 'express'
import { NodeFloor } from '../../floor/node-floor.js'
import type { Refusal } from '../../floor/refusal.js'
import type { User } from '../../floor/tokens.js'
import { METRICS_PATH, type Setting, type Start } from '../../host.js'
import { serve } from '../host.js'

export const start: Start = setting =>
  serve(app => {
    app.use(protection(setting))
  })

function protection(setting: Setting): RequestHandler {
  const floor = new NodeFloor(setting)
  return (req, res, next) => {
    if (req.url === METRICS_PATH) {
      res.type('text/plain').send(floor.counters.text())
      return
    }
    const verdict = floor.pass(req, res, () => (req.route as { path: string } | undefined)?.path)
    if (verdict instanceof Promise) verdict.then(settled => conclude(settled, res, next), next)
    else conclude(verdict, res, next)
  }
}

function conclude(verdict: User | Refusal, res: Response, next: () => void): void {
  if (!verdict.refused) {
    res.locals['user'] = verdict
    next()
  } else if (verdict.body === null) {
    res.statusCode = verdict.status
    res.end()
  } else {
    res.status(verdict.status).json(verdict.body)
  }
}
