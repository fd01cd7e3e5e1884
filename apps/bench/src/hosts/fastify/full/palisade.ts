import { toFastify } from '@palisade/adapters/fastify'
import type { Start } from '../../host.js'
import { fullEdge } from '../../palisade.js'
import { serve } from '../host.js'

export const start: Start = setting => serve(app => app.register(toFastify(fullEdge(setting))))
