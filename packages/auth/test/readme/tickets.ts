import { authenticate, makeIdentity, type Strategy, type VerifyResult } from '@palisade/auth'
import { pipeline } from '@palisade/core'

interface Ticket {
  readonly holder: string
  readonly expiresAt: number
  readonly blocked: boolean
}

/** `Authorization: Ticket <16 letters and digits>`, which another service issues. */
function tickets(
  find: (id: string, signal: AbortSignal) => Promise<Ticket | undefined>,
): Strategy<{ id: string }> {
  return {
    name: 'ticket',
    scheme: 'Ticket',

    extract(ctx) {
      const field = ctx.header('authorization')
      // Not mine: another strategy may find its own.
      if (field === undefined || !/^ticket /i.test(field)) return null
      const id = /^ticket +([a-z0-9]{16})$/i.exec(field)?.[1]
      return id === undefined ? 'malformed' : { id }
    },

    async verify({ id }, { now, signal }): Promise<VerifyResult> {
      let ticket: Ticket | undefined
      try {
        ticket = await find(id, signal)
      } catch (error) {
        // Unavailable: without an answer no request passes.
        return { outcome: 'error', error, reason: 'ticket service down', retryAfterSeconds: 5 }
      }
      // It proves nothing. A guess ends up here.
      if (ticket === undefined) return { outcome: 'invalid', failure: 'invalid', reason: 'unknown ticket' }
      const { holder: subject, expiresAt } = ticket
      // It proved something once: no guess, and no violation.
      if (expiresAt <= now) return { outcome: 'invalid', failure: 'expired', reason: 'expired', subject }
      // It is right, and refused. The message is for the client, the reason for the log.
      if (ticket.blocked) {
        const message = 'This ticket is blocked'
        return { outcome: 'refused', status: 403, message, reason: 'blocked', subject, isViolation: false }
      }
      return { outcome: 'authenticated', identity: makeIdentity({ subject, method: 'ticket', expiresAt }) }
    },

    challenge: () => 'Ticket realm="shop"',
    secretOf: ({ id }) => id,
  }
}

export const shop = (find: Parameters<typeof tickets>[0]) =>
  pipeline().use(authenticate({ strategies: [tickets(find)] }))
