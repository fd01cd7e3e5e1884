/**
 * Restarts under load, each server in a process of its own. `PALISADE_SHUTDOWN_FULL=1` asks for
 * long requests of two seconds and ten restarts of each kind on each host.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildProgram, startChild } from '../support/child.js'
import { hosts } from '../support/hosts.js'
import { load, untilNotReady } from '../support/load.js'

const isFull = (process.env['PALISADE_SHUTDOWN_FULL'] ?? '') !== ''
const CLIENTS = 64
const LONG_MS = isFull ? 2000 : 400
const RESTARTS = isFull ? 10 : 1
const DELAY_MS = 1500

let program: Awaited<ReturnType<typeof buildProgram>>
beforeAll(async () => {
  program = await buildProgram()
})
afterAll(() => program.remove())

describe.each(Object.keys(hosts))('%s', host => {
  test.each(Array.from({ length: RESTARTS }, (_, i) => i + 1))(
    'given a load balancer that heeds readiness when SIGTERM comes under load then every request is answered 200, restart %i',
    { timeout: 60_000 },
    async () => {
      const child = await startChild(program.file, host, DELAY_MS)
      try {
        const { tally, answered, stop, done } = load(child.port, CLIENTS, LONG_MS)
        await answered(500)
        child.signal('SIGTERM')
        await untilNotReady(child.port)
        stop()
        await done
        expect(await child.exited).toBe(0)
        expect(tally).toMatchObject({ lost: [], refused: 0, unconnected: 0 })
        expect(tally.told).toBeGreaterThan(0)
        expect(child.messages.map(({ event }) => event ?? 'port')).toEqual([
          'port',
          'shutdown:started',
          'shutdown:drained',
          'handlers',
        ])
      } finally {
        await child.stop()
      }
    },
  )

  test.each(Array.from({ length: RESTARTS }, (_, i) => i + 1))(
    'given clients that go on until nobody listens when SIGTERM comes then each is answered or told that it was not, restart %i',
    { timeout: 60_000 },
    async () => {
      const child = await startChild(program.file, host, 0)
      try {
        const { tally, answered, done } = load(child.port, CLIENTS, LONG_MS)
        await answered(500)
        child.signal('SIGTERM')
        await done
        expect(await child.exited).toBe(0)
        expect(tally.lost).toEqual([])
        expect(tally.unconnected).toBe(CLIENTS)
      } finally {
        await child.stop()
      }
    },
  )
})
