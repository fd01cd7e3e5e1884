import type { Behaviour } from '../behaviour.js'
import { order } from './order.js'

/** The whole table: one line a file. */
export const behaviours: readonly Behaviour[] = [...order]
