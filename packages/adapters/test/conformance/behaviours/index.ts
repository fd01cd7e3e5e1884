import type { Behaviour } from '../behaviour.js'
import { address } from './address.js'
import { asyncContext } from './async-context.js'
import { auth } from './auth.js'
import { bodies } from './bodies.js'
import { body } from './body.js'
import { bodyStream } from './body-stream.js'
import { callers } from './callers.js'
import { decisions } from './decisions.js'
import { end } from './end.js'
import { errorHandlers } from './error-handler.js'
import { errors } from './errors.js'
import { events } from './events.js'
import { bans } from './failban.js'
import { gathering } from './gathering.js'
import { guards } from './guards.js'
import { headerList } from './header-list.js'
import { headers } from './headers.js'
import { probesOfHealth } from './health.js'
import { keys } from './keys.js'
import { measured } from './metrics.js'
import { order } from './order.js'
import { peeked } from './peek.js'
import { preflights } from './preflights.js'
import { reported } from './reports.js'
import { rewrites } from './rewrites.js'
import { routes } from './routes.js'
import { statuses } from './statuses.js'
import { streams } from './streams.js'
import { takenOver } from './take-over.js'
import { target } from './target.js'
import { thrown } from './thrown.js'
import { together } from './together.js'
import { tokens } from './tokens.js'
import { upgrades } from './upgrades.js'

/** The whole table: one line a file. */
export const behaviours: readonly Behaviour[] = [
  ...order,
  ...errors,
  ...errorHandlers,
  ...statuses,
  ...thrown,
  ...reported,
  ...headers,
  ...headerList,
  ...target,
  ...rewrites,
  ...gathering,
  ...asyncContext,
  ...end,
  ...routes,
  ...preflights,
  ...body,
  ...bodyStream,
  ...peeked,
  ...streams,
  ...address,
  ...events,
  ...callers,
  ...decisions,
  ...upgrades,
  ...takenOver,
  ...together,
  ...bans,
  ...guards,
  ...bodies,
  ...auth,
  ...tokens,
  ...keys,
  ...measured,
  ...probesOfHealth,
]
