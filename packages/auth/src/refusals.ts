import type { Denial, HeaderBag, RequestContext } from '@palisade/core/middleware'
import type { ChallengeFailure, Failed, Refused, Strategy } from './strategy.js'

/** What events name as the middleware that decided. */
export const BY = 'authenticate'

/**
 * What each refusal looks like. The client learns no more than the challenge says; `reason` is for
 * the log.
 */
export const refusals = {
  /** RFC 9110 section 15.5.2: every way to get in, one field line each. */
  absent: (strategies: readonly Strategy[]): Denial => ({
    status: 401,
    code: 'UNAUTHORIZED',
    message: 'Authentication is required',
    headers: challenges(strategies),
    reason: 'no credentials',
    by: BY,
  }),

  invalid: (strategy: Strategy, failure: ChallengeFailure, reason: string): Denial => ({
    status: 401,
    code: 'UNAUTHORIZED',
    message: 'The credentials are not valid',
    headers: challenges([strategy], failure),
    reason,
    by: BY,
    rule: strategy.name,
  }),

  malformed: (strategies: readonly Strategy[], reason: string): Denial => ({
    status: 400,
    code: 'BAD_REQUEST',
    message: 'The credentials are malformed',
    headers: challenges(strategies, 'malformed'),
    reason,
    by: BY,
  }),

  refused: ({ status, message, reason, retryAfterSeconds }: Refused): Denial => ({
    status,
    code: status === 429 ? 'RATE_LIMITED' : 'FORBIDDEN',
    message,
    reason,
    by: BY,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }),

  throttled: (retryAfterMs: number): Denial => ({
    status: 429,
    code: 'RATE_LIMITED',
    message: 'Too many attempts to authenticate',
    reason: 'throttled',
    by: BY,
    ...(Number.isFinite(retryAfterMs) && { retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1000)) }),
  }),

  unavailable: ({ reason, retryAfterSeconds }: Omit<Failed, 'outcome' | 'error'>): Denial => ({
    status: 503,
    code: 'SERVICE_UNAVAILABLE',
    message: 'Authentication is not available at the moment',
    reason,
    by: BY,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }),

  ambiguousPath: (): Denial => ({
    status: 400,
    code: 'BAD_REQUEST',
    message: 'The path is ambiguous',
    reason: 'hosts would disagree about the path',
    by: BY,
  }),

  noRule: (): Denial => ({
    status: 403,
    code: 'FORBIDDEN',
    message: 'Access denied',
    reason: 'no rule matches the path',
    by: BY,
  }),
}

function challenges(strategies: readonly Strategy[], failure?: ChallengeFailure): HeaderBag {
  const lines = strategies.map(strategy => strategy.challenge(failure)).filter(line => line !== null)
  return lines.length === 0 ? {} : { 'WWW-Authenticate': [...new Set(lines)] }
}

/** Logs why the attempt could not be decided; the client sees a 503 and nothing of it. */
export function logFailed(ctx: RequestContext, strategy: Strategy, { error, reason }: Failed): void {
  ctx.services.logger.error(
    { err: error, strategy: strategy.name, reason, request_id: ctx.requestId },
    'authentication is not available',
  )
}
