import { toKoa } from '@palisade/adapters/koa'
import type { Start } from '../../host.js'
import { fullEdge } from '../../palisade.js'
import { serve } from '../host.js'

export const start: Start = setting =>
  serve(app => {
    app.use(toKoa(fullEdge(setting)))
  })
