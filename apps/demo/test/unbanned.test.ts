import type { PalisadeEvents } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { memoryBans } from '@palisade/failban'
import { describe, expect, it } from 'vitest'
import { demoPeople } from '../src/people.js'
import { protection } from '../src/protection.js'

const A = '203.0.113.9'
const logger = { debug() {}, info() {}, warn() {}, error() {} }

/** The status of a right password after wrong ones, and the end of a ban for this cause. */
async function loginAfter(cause: PalisadeEvents['security:unbanned']['cause']): Promise<number> {
  const people = await demoPeople(10)
  const { edge } = protection({ people, bans: memoryBans(), logger })
  const { basic } = await people.credentials({ now: () => 0, monotonic: () => 0 })
  const ada = basic.find(({ name }) => name === 'ada')
  const login = async (password: string) => {
    const authorization = `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`
    const { status } = await inject(edge, { url: '/api/orders', peer: A, headers: { authorization } })
    return status
  }
  for (let i = 0; i < 6; i++) await login(`guess ${i}`)
  expect(await login(ada?.password ?? '')).toBe(429)
  edge.events.emit('security:unbanned', { ip: A, jail: 'guessing', expiresAt: 0, cause })
  await new Promise(resolve => setImmediate(resolve))
  const status = await login(ada?.password ?? '')
  await edge.dispose()
  return status
}

describe('given a client that was banned for wrong passwords', () => {
  it.each(['manual', 'allow'] as const)(
    'when its ban ends by %s then it begins anew at the login',
    async cause => {
      expect(await loginAfter(cause)).toBe(200)
    },
  )

  it.each(['expired', 'evicted'] as const)(
    'when its ban has %s then its failures are still held against it',
    async cause => {
      expect(await loginAfter(cause)).toBe(429)
    },
  )
})
