import { toHono } from '@palisade/adapters/hono'
import type { Start } from '../../host.js'
import { fullEdge } from '../../palisade.js'
import { serve } from '../host.js'

export const start: Start = setting =>
  serve(app => {
    app.use(toHono(fullEdge(setting)))
  })
