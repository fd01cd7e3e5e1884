import { pipeline } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { rateLimit } from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'

describe('rateLimit', () => {
  it('given a quota that is used up, when one more request comes, then it is refused with 429 and the rest is said', async () => {
    const edge = pipeline({ clock: fakeClock(1_700_000_000_000) }).use(
      rateLimit({ algorithm: 'fixed-window', limit: 1, window: '1m' }),
    )
    const first = await inject(edge)
    expect(first.status).toBe(200)
    const second = await inject(edge)
    expect(second.status).toBe(429)
    expect(second.headers).toMatchObject({
      'retry-after': '60',
      'x-ratelimit-limit': '1',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '1700000060',
      'ratelimit-policy': '"default";q=1;w=60',
      ratelimit: '"default";r=0;t=60',
    })
    expect(second.json()).toMatchObject({
      error: {
        code: 'RATE_LIMITED',
        details: { policies: [{ name: 'default', limit: 1, window: 60, remaining: 0, retry_after: 60 }] },
        retry_after: 60,
      },
    })
  })
})
