import { toFastify } from '@palisade/adapters/fastify'
import type { Start } from '../host.js'
import { edge } from '../palisade.js'
import { serve } from './host.js'

export const start: Start = setting => serve(app => app.register(toFastify(edge(setting))))
