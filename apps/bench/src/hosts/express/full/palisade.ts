import { toExpress } from '@palisade/adapters/express'
import type { Start } from '../../host.js'
import { fullEdge } from '../../palisade.js'
import { serve } from '../host.js'

export const start: Start = setting =>
  serve(app => {
    app.use(toExpress(fullEdge(setting)))
  })
