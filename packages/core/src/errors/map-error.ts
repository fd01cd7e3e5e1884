import type { Denial } from '../contract/denial.js'
import { wrongResult } from '../kernel/callback-result.js'
import { checkDenial, MISTAKE } from './check-denial.js'
import { denialOf, type HostView } from './denial-of.js'
import type { FailedRequest } from './failed-request.js'
import { RequestError } from './request-error.js'

const ALLOWED = 'a denial { status, code, message }, a RequestError, or undefined'

/**
 * How an error is answered: as `mapError` says, else by `denialOf`. A hook that throws or returns
 * something else makes a 500, and is logged.
 */
export function denialFor(ctx: FailedRequest, error: unknown, host: HostView | undefined): Denial {
  const { mapError, logger } = ctx.services
  if (mapError === undefined) return denialOf(error, host)
  try {
    return mapped(mapError(error, ctx)) ?? denialOf(error, host)
  } catch (failure) {
    logger.error({ err: ctx.inspected(failure), request_id: ctx.requestId }, 'mapError failed')
    return MISTAKE
  }
}

function mapped(result: unknown): Denial | undefined {
  if (result === undefined) return undefined
  if (result instanceof RequestError) return denialOf(result)
  if (typeof result !== 'object' || result === null || typeof (result as Denial).status !== 'number')
    throw wrongResult('mapError', result, ALLOWED)
  // A copy: what was checked is what is used, whatever a getter says the second time.
  const denial = { ...result } as Denial
  checkDenial(denial)
  return denial
}
