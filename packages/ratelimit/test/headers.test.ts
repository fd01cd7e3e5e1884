import { type Pipeline, pipeline, problemDetails } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { rateLimit } from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'

const START = 1_700_000_040_000

/** The limit headers of one request, and nothing else. */
async function limitHeaders(edge: Pipeline, times = 1): Promise<Record<string, string>> {
  let headers: Readonly<Record<string, string>> = {}
  for (let i = 0; i < times; i++) headers = (await inject(edge)).headers
  return Object.fromEntries(Object.entries(headers).filter(([name]) => /ratelimit|retry-after/.test(name)))
}

const burstAndDaily = [
  { name: 'burst', algorithm: 'token-bucket', limit: 20, window: '1s', burst: 40 },
  { name: 'daily', algorithm: 'fixed-window', limit: 10_000, window: '1d' },
] as const

describe('the headers, byte for byte', () => {
  it('one policy, allowed', async () => {
    const edge = pipeline({ clock: fakeClock(START) }).use(
      rateLimit({ algorithm: 'fixed-window', limit: 100, window: '1m' }),
    )
    expect(await limitHeaders(edge)).toEqual({
      'x-ratelimit-limit': '100',
      'x-ratelimit-remaining': '99',
      'x-ratelimit-reset': '1700000100',
      'ratelimit-policy': '"default";q=100;w=60',
      ratelimit: '"default";r=99;t=60',
    })
  })

  it('several policies, allowed: the draft fields name all, the legacy ones the closest to its limit', async () => {
    const edge = pipeline({ clock: fakeClock(START) }).use(rateLimit({ policies: burstAndDaily }))
    expect(await limitHeaders(edge, 28)).toEqual({
      'x-ratelimit-limit': '40',
      'x-ratelimit-remaining': '12',
      'x-ratelimit-reset': '1700000042',
      'ratelimit-policy': '"burst";q=20;w=1,"daily";q=10000;w=86400',
      ratelimit: '"burst";r=12;t=1,"daily";r=9972;t=86400',
    })
  })

  it('several policies, refused: RateLimit and the legacy fields speak of those that refused only', async () => {
    const edge = pipeline({ clock: fakeClock(START) }).use(rateLimit({ policies: burstAndDaily }))
    expect(await limitHeaders(edge, 41)).toEqual({
      'retry-after': '1',
      'x-ratelimit-limit': '40',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '1700000042',
      'ratelimit-policy': '"burst";q=20;w=1,"daily";q=10000;w=86400',
      ratelimit: '"burst";r=0;t=1',
    })
  })

  it('two policies refuse: Retry-After is the longest, both are listed', async () => {
    const edge = pipeline({ clock: fakeClock(START) }).use(
      rateLimit({
        policies: [
          { name: 'short', algorithm: 'fixed-window', limit: 1, window: '1s' },
          { name: 'long', algorithm: 'fixed-window', limit: 1, window: '90s' },
        ],
      }),
    )
    expect(await limitHeaders(edge, 2)).toEqual({
      'retry-after': '90',
      'x-ratelimit-limit': '1',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '1700000130',
      'ratelimit-policy': '"short";q=1;w=1,"long";q=1;w=90',
      ratelimit: '"short";r=0;t=1,"long";r=0;t=90',
    })
  })

  it('a sliding window: t is the rest of the window while something is left, else when one more fits', async () => {
    const clock = fakeClock(START + 15_500)
    const edge = pipeline({ clock }).use(
      rateLimit({ algorithm: 'sliding-window', limit: 4, window: '1m', headers: { legacy: false } }),
    )
    expect(await limitHeaders(edge)).toEqual({
      'ratelimit-policy': '"default";q=4;w=60',
      ratelimit: '"default";r=3;t=45',
    })
    // 44.5 s to the next window, and 15 s until a quarter of the four has faded.
    expect((await limitHeaders(edge, 3))['ratelimit']).toBe('"default";r=0;t=60')
  })

  it('t and Retry-After are rounded up, never to "now"', async () => {
    const clock = fakeClock(START)
    const edge = pipeline({ clock }).use(rateLimit({ algorithm: 'fixed-window', limit: 1, window: '1m' }))
    await inject(edge)
    clock.advance(59_999)
    expect(await limitHeaders(edge)).toMatchObject({
      'retry-after': '1',
      ratelimit: '"default";r=0;t=1',
      'x-ratelimit-reset': '1700000100',
    })
  })

  it('a window below a second is said as one second, since the field holds whole seconds', async () => {
    const edge = pipeline({ clock: fakeClock(START) }).use(
      rateLimit({ algorithm: 'fixed-window', limit: 9, window: 250 }),
    )
    expect(await limitHeaders(edge)).toMatchObject({
      'ratelimit-policy': '"default";q=9;w=1',
      ratelimit: '"default";r=8;t=1',
    })
  })

  it.each([
    [{ legacy: true, draft: false }, ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset']],
    [{ legacy: false, draft: true }, ['ratelimit', 'ratelimit-policy']],
    [{ legacy: false, draft: false }, []],
  ] as const)('headers: %o', async (headers, expected) => {
    const edge = pipeline({ clock: fakeClock(START) }).use(rateLimit({ limit: 9, window: '1m', headers }))
    expect(Object.keys(await limitHeaders(edge)).sort()).toEqual(expected)
  })

  it('the draft policy field follows limits that change', async () => {
    const limit = rateLimit({ limit: ctx => Number(ctx.header('x-plan') ?? 5), window: '1m' })
    const edge = pipeline({ clock: fakeClock(START) }).use(limit)
    const policyFor = async (plan: string) =>
      (await inject(edge, { headers: { 'x-plan': plan } })).headers['ratelimit-policy']
    expect(await policyFor('7')).toBe('"default";q=7;w=60')
    expect(await policyFor('70')).toBe('"default";q=70;w=60')
    limit.setLimit('default', { limit: 3 })
    expect(await policyFor('70')).toBe('"default";q=3;w=60')
  })

  it('a policy that does not apply to the request appears in no header', async () => {
    const edge = pipeline({ clock: fakeClock(START) }).use(
      rateLimit({
        policies: [
          { name: 'all', algorithm: 'fixed-window', limit: 9, window: '1m' },
          { name: 'some', limit: () => Number.POSITIVE_INFINITY, window: '1m' },
          { name: 'none', limit: 1, window: '1m', key: () => false },
        ],
      }),
    )
    expect(await limitHeaders(edge)).toMatchObject({
      'ratelimit-policy': '"all";q=9;w=60',
      ratelimit: '"all";r=8;t=60',
    })
  })

  describe('of several limiters in front of one handler', () => {
    const all = { name: 'all', algorithm: 'fixed-window', limit: 10, window: '1h' } as const
    const login = { name: 'login', algorithm: 'fixed-window', limit: 3, window: '1m' } as const

    it('allowed by all: the draft fields list the policies of all, the legacy ones tell of the tightest', async () => {
      const edge = pipeline({ clock: fakeClock(START) })
        .use(rateLimit(all))
        .use(rateLimit(login))
      expect(await limitHeaders(edge)).toEqual({
        'x-ratelimit-limit': '3',
        'x-ratelimit-remaining': '2',
        'x-ratelimit-reset': '1700000100',
        'ratelimit-policy': '"all";q=10;w=3600,"login";q=3;w=60',
        ratelimit: '"all";r=9;t=3600,"login";r=2;t=60',
      })
    })

    it('the tightest is in front: what it said in the legacy fields stays', async () => {
      const edge = pipeline({ clock: fakeClock(START) })
        .use(rateLimit(login))
        .use(rateLimit(all))
      expect(await limitHeaders(edge)).toMatchObject({
        'x-ratelimit-limit': '3',
        'x-ratelimit-remaining': '2',
        'x-ratelimit-reset': '1700000100',
        ratelimit: '"login";r=2;t=60,"all";r=9;t=3600',
      })
    })

    it('refused by the one behind: RateLimit and the legacy fields tell of that one only', async () => {
      const edge = pipeline({ clock: fakeClock(START) })
        .use(rateLimit({ ...all, limit: 4 }))
        .use(rateLimit({ ...login, cost: 2 }))
      expect(await limitHeaders(edge, 2)).toEqual({
        'retry-after': '60',
        'x-ratelimit-limit': '3',
        'x-ratelimit-remaining': '1',
        'x-ratelimit-reset': '1700000100',
        'ratelimit-policy': '"all";q=4;w=3600,"login";q=3;w=60',
        ratelimit: '"login";r=1;t=60',
      })
    })

    it('refused by the one in front: the one behind is in no header', async () => {
      const edge = pipeline({ clock: fakeClock(START) })
        .use(rateLimit(login))
        .use(rateLimit(all))
      expect(await limitHeaders(edge, 4)).toMatchObject({
        'ratelimit-policy': '"login";q=3;w=60',
        ratelimit: '"login";r=0;t=60',
      })
    })

    it('in a branch: the request is told of the branch and of what is in front of it, each other request is not', async () => {
      const edge = pipeline({ clock: fakeClock(START) }).use(rateLimit(all))
      const branch = edge.branch().use(rateLimit(login))
      const names = (headers: Record<string, string>) => headers['ratelimit']?.match(/[a-z]+(?=")/g)
      expect(names(await limitHeaders(branch))).toEqual(['all', 'login'])
      expect(names(await limitHeaders(edge))).toEqual(['all'])
      expect(names(await limitHeaders(branch))).toEqual(['all', 'login'])
    })

    it('a limiter says nothing of requests that it does not apply to, nor where it is only tried out', async () => {
      const edge = pipeline({ clock: fakeClock(START) })
        .use(rateLimit({ ...login, name: 'skipped', skip: () => true }))
        .use(rateLimit({ ...login, name: 'shadow', mode: 'shadow' }))
        .use(rateLimit({ ...login, name: 'silent', headers: { legacy: false, draft: false } }))
        .use(rateLimit({ ...login, name: 'old', headers: { draft: false } }))
        .use(rateLimit({ ...all, headers: { legacy: false } }))
      expect(await limitHeaders(edge)).toEqual({
        'x-ratelimit-limit': '3',
        'x-ratelimit-remaining': '2',
        'x-ratelimit-reset': '1700000100',
        'ratelimit-policy': '"all";q=10;w=3600',
        ratelimit: '"all";r=9;t=3600',
      })
    })

    it('one limiter in two pipelines: what is beside it in one is not told in the other', async () => {
      const limit = rateLimit(login)
      const together = pipeline({ clock: fakeClock(START) })
        .use(rateLimit(all))
        .use(limit)
      const alone = pipeline({ clock: fakeClock(START) }).use(limit)
      expect((await limitHeaders(together))['ratelimit']).toBe('"all";r=9;t=3600,"login";r=2;t=60')
      expect((await limitHeaders(alone))['ratelimit']).toBe('"login";r=1;t=60')
    })
  })

  it('problem details name the registered type and the violated policies', async () => {
    const edge = pipeline({ clock: fakeClock(START), errors: problemDetails() }).use(
      rateLimit({ policies: [{ name: 'daily', limit: 0, window: '1d' }] }),
    )
    const answer = await inject(edge)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.json()).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Request cannot be satisfied as assigned quota has been exceeded',
      status: 429,
      'violated-policies': ['daily'],
    })
  })
})
