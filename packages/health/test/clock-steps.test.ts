import { expect, test } from 'vitest'
import { check } from '../src/index.js'
import { scene } from './support/scene.js'

const HOUR = 3_600_000

test.each([
  { step: 'back by an hour', by: -HOUR },
  { step: 'forward by an hour', by: HOUR },
])(
  'given a time of day that steps $step when probes ask then a result lasts its ttl and the uptime is true',
  async ({ by }) => {
    let runs = 0
    const run = async () => void runs++
    const { ask, clock } = scene({ checks: [check({ name: 'db', run, ttl: 5000 })] })
    await ask('/ready')
    clock.set(clock.now() + by)
    clock.advance(4999)
    const { body } = await ask('/ready')
    expect([runs, body.uptime, body.timestamp]).toEqual([1, 4, new Date(clock.now()).toISOString()])
    clock.advance(1)
    await ask('/ready')
    expect(runs).toBe(2)
  },
)
