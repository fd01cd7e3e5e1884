import { readFileSync } from 'node:fs'
import { inject } from '@palisade/core/testing'
import { describe, expect, test } from 'vitest'
import { bare, blockWith } from '../../../../test/support/documented-block.js'
import { shop } from './tickets.js'

const LATER = Date.now() + 3_600_000
const TICKETS = new Map([
  ['aaaaaaaaaaaaaaaa', { holder: 'ada', expiresAt: LATER, blocked: false }],
  ['bbbbbbbbbbbbbbbb', { holder: 'bob', expiresAt: LATER, blocked: true }],
  ['eeeeeeeeeeeeeeee', { holder: 'eve', expiresAt: 1, blocked: false }],
])

async function ask(authorization?: string) {
  const edge = shop(async id => {
    if (id === 'dddddddddddddddd') throw new Error('connect ECONNREFUSED')
    return TICKETS.get(id)
  })
  const violations: number[] = []
  const reasons: string[] = []
  edge.events.on('security:violation', ({ weight }) => violations.push(weight))
  edge.events.on('auth:failure', ({ reason }) => reasons.push(reason))
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
  const answer = await inject(edge, { headers })
  return { ...answer, violations, reasons }
}

describe('given the strategy of the README', () => {
  test('then it is the code that runs here', () => {
    const block = blockWith("scheme: 'Ticket'", new URL('../../README.md', import.meta.url))
    expect(bare(readFileSync(new URL('./tickets.ts', import.meta.url), 'utf8'))).toBe(bare(block))
  })

  test('when a ticket is right, then its holder is the identity', async () => {
    const { status, state } = await ask('Ticket aaaaaaaaaaaaaaaa')
    expect([status, state.identity]).toMatchObject([200, { subject: 'ada', method: 'ticket' }])
  })

  test.each([
    ['nothing', undefined, 401, 'no credentials', 0],
    ['a credential of another strategy', 'Bearer x', 401, 'no credentials', 0],
    ['what is no ticket', 'Ticket ?', 400, 'malformed', 1],
    ['an unknown ticket', 'Ticket cccccccccccccccc', 401, 'unknown ticket', 1],
    ['a ticket that has expired', 'Ticket eeeeeeeeeeeeeeee', 401, 'expired', 0],
    ['a ticket that is refused', 'Ticket bbbbbbbbbbbbbbbb', 403, 'blocked', 0],
    ['a ticket that cannot be looked up', 'Ticket dddddddddddddddd', 503, 'ticket service down', 0],
  ])('when the client sends %s, then it is answered as the table says', async (...row) => {
    const [, authorization, status, reason, violations] = row
    const answer = await ask(authorization)
    expect([answer.status, answer.reasons, answer.violations.length]).toEqual([status, [reason], violations])
    expect(answer.headers['www-authenticate']).toEqual(status < 402 ? 'Ticket realm="shop"' : undefined)
    expect(answer.headers['retry-after']).toBe(status === 503 ? '5' : undefined)
    expect(answer.body).not.toMatch(/ECONNREFUSED|ticket service/)
  })
})
