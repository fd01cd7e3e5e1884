import { describe, expect, test } from 'vitest'
import { stand } from './support/stand.js'

const HOUR = 3_600_000

describe.each([
  { step: 'back by an hour', by: -HOUR },
  { step: 'forward by an hour', by: HOUR },
])('given a time of day that steps $step', ({ by }) => {
  test('when requests are counted, then it shows what it shows without the step', async () => {
    const [stepping, still] = [stand({ resetInterval: '5m' }), stand({ resetInterval: '5m' })]
    for (let i = 0; i < 60; i++) {
      if (i % 20 === 10) stepping.clock.set(stepping.clock.now() + by)
      for (const { send, clock } of [stepping, still]) {
        await send({ url: '/a', status: i % 7 === 0 ? 500 : 200, ms: i })
        clock.advance(9_000)
      }
      expect(stepping.metrics.json()).toEqual(still.metrics.json())
    }
  })
})
