import type { Start } from '../host.js'
import { serve } from './host.js'

export const start: Start = () => serve(() => {})
