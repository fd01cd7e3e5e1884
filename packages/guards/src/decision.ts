import type { Decision } from '@palisade/core/middleware'

export type Refusal = Extract<Decision, { allow: false }>

/** One object for all, so that allowing allocates nothing. */
export const ALLOW: Decision = Object.freeze({ allow: true })

/** The caller has not logged in: the refusal that a client can mend most easily. */
export const ANONYMOUS: Refusal = Object.freeze({
  allow: false,
  status: 401,
  code: 'UNAUTHORIZED',
  message: 'Authentication is required',
  reason: 'no identity',
})

type More = Partial<Pick<Refusal, 'message' | 'missing' | 'challenge' | 'undecided'>>

export function unauthorized(reason: string, more: More = {}): Refusal {
  return Object.freeze({ ...ANONYMOUS, reason, ...more })
}

export function forbidden(reason: string, more: More = {}): Refusal {
  return Object.freeze({
    allow: false,
    status: 403,
    code: 'FORBIDDEN',
    message: 'Access denied',
    reason,
    ...more,
  })
}

/** Says to the client what a thing that is not there says, to the byte. */
export function notFound(reason: string, more: Pick<Refusal, 'undecided'> = {}): Refusal {
  return Object.freeze({
    allow: false,
    status: 404,
    code: 'NOT_FOUND',
    message: 'The requested resource was not found',
    reason,
    ...more,
  })
}

/** Text from outside as a reason may hold it: short, on one line, in quotes. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text)
}
