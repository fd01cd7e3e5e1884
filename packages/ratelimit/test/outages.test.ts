/**
 * What becomes of requests that are under way while Redis is harmed, on every client and by every
 * rule, and of the counts afterwards.
 */
import { setTimeout as delay, setInterval } from 'node:timers/promises'
import { type MaybePromise, RequestError } from '@palisade/core'
import type { LimitDecision } from '@palisade/core/middleware'
import { createLimiter, type OnStoreFailure, redisStore } from '@palisade/ratelimit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { canStartRedis, type RedisServer, startRedis, uniqueNamespace } from '../../../test/support/redis.js'
import { type Connected, singleNodeClients } from '../../core/test/redis/clients.js'

const LIMIT = 70
const DEADLINE = 100
const TURNS = 50
const EACH_TURN = 10

interface Harm {
  readonly harm: string
  /** Resolves when it is done. */
  begin(server: RedisServer): MaybePromise<void>
  end(server: RedisServer): MaybePromise<void>
  /** Whether Redis answers no request from `begin` to `end`. */
  readonly isTotal: boolean
  /** Whether Redis has its counts afterwards. */
  readonly keepsCounts: boolean
}

const HARMS: readonly Harm[] = [
  {
    harm: 'frozen',
    begin: server => server.freeze(),
    end: server => server.thaw(),
    isTotal: true,
    keepsCounts: true,
  },
  {
    harm: 'stopped',
    begin: server => server.kill(),
    end: server => server.restart(),
    isTotal: true,
    keepsCounts: false,
  },
  {
    harm: 'restarted',
    // Long enough that no client bridges it by sending again.
    begin: async server => {
      await server.kill()
      await delay(2 * DEADLINE)
      await server.restart()
    },
    end: () => {},
    isTotal: false,
    keepsCounts: false,
  },
]

/** Who decided, as far as one can tell from the decision. */
type Decided = 'by a count, allowed' | 'by a count, refused' | 'open' | 'closed'

function told({ allowed, limit }: LimitDecision): Decided {
  if (limit === Number.POSITIVE_INFINITY) return 'open'
  return allowed ? 'by a count, allowed' : 'by a count, refused'
}

const RULES: readonly { rule: OnStoreFailure; total: (asked: number) => Partial<Record<Decided, number>> }[] =
  [
    {
      rule: 'local',
      total: asked => ({ 'by a count, allowed': LIMIT, 'by a count, refused': asked - LIMIT }),
    },
    { rule: 'open', total: asked => ({ open: asked }) },
    { rule: 'closed', total: asked => ({ closed: asked }) },
  ]

const cells = HARMS.flatMap(harm =>
  RULES.flatMap(rule => singleNodeClients.map(client => ({ ...harm, ...rule, ...client }))),
)

describe.skipIf(!canStartRedis())('a Redis that is harmed under load', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server?.stop())

  describe.each(cells)('$harm, behind $client, $rule', ({ connect, rule, total, ...harm }) => {
    let asking: Connected
    let watching: Connected
    beforeEach(async () => {
      asking = await connect(server.url)
      watching = await connect(server.url)
    })
    afterEach(async () => {
      server.thaw()
      await asking?.close()
      await watching?.close()
      await server.restart()
    })

    it('given many decisions under way, then none waits for 50 ms over the deadline, the rule decides, and Redis counts again by itself', async () => {
      const namespace = uniqueNamespace()
      const common = { algorithm: 'fixed-window', limit: LIMIT, window: '1h' } as const
      // Many failures until it opens, so that many requests wait for the whole deadline, and then
      // short breaks.
      const breaker = { failures: 200, backoff: 20, maxBackoff: 50 }
      const limiter = createLimiter({
        ...common,
        store: redisStore(asking.redis, { namespace, deadline: DEADLINE, breaker }),
        onStoreFailure: rule,
      })
      // Another process, as it were: what it sees is what Redis has counted.
      const witness = createLimiter({
        ...common,
        store: redisStore(watching.redis, {
          namespace,
          deadline: '1s',
          breaker: { failures: 10_000 },
          cacheRefusals: false,
        }),
        onStoreFailure: 'closed',
      })
      const counted = async (key: string) => LIMIT - (await witness.consume(key, 0)).remaining

      let late = 0
      async function ask(key: string): Promise<Decided> {
        let pending = true
        // A timer is no measurement on a machine that stands still: it fires as late as what it is
        // compared with, and is read after it.
        const timer = setTimeout(
          () => setImmediate(() => setImmediate(() => (late += pending ? 1 : 0))),
          DEADLINE + 50,
        )
        try {
          return told(await limiter.consume(key))
        } catch (error) {
          expect(error).toBeInstanceOf(RequestError)
          expect(error).toMatchObject({ status: 503 })
          return 'closed'
        } finally {
          pending = false
          clearTimeout(timer)
        }
      }

      await vi.waitFor(async () => {
        await limiter.consume('kept', 3)
        expect(await counted('kept')).toBeGreaterThanOrEqual(3)
      })
      const before: Promise<Decided>[] = []
      const during: Promise<Decided>[] = []
      let harming: Promise<void> | undefined
      let isHarmed = false
      let turns = 0
      let turnsAfter = 0
      for await (const _ of setInterval(5)) {
        // A harm that is not total is over when it is done: all since its beginning counts.
        const isDuring = harm.isTotal ? isHarmed : harming !== undefined
        for (let i = 0; i < EACH_TURN; i++)
          (isDuring ? during : before).push(ask(isDuring ? 'during' : 'before'))
        if (++turns === 5)
          harming = (async () => {
            await harm.begin(server)
            isHarmed = true
          })()
        if (isHarmed && ++turnsAfter === TURNS) break
        if (turns === 2000) throw new Error('Redis was not harmed in time')
      }
      await harming
      const decided = await Promise.all(during)
      const answered = await Promise.all(before)
      await harm.end(server)

      expect(late).toBe(0)
      const tally = countOf(decided)
      const ofRule = { local: [], open: ['open'], closed: ['closed'] }[rule]
      const allowed = tally['by a count, allowed'] ?? 0
      if (harm.isTotal) {
        expect(tally).toEqual(total(decided.length))
      } else {
        // By the rule while it was away, and by one count before and one after.
        expect(Object.keys(tally)).toEqual(expect.arrayContaining(ofRule))
        expect(allowed).toBeLessThanOrEqual(3 * LIMIT)
      }
      const possible = ['by a count, allowed', 'by a count, refused', ...ofRule]
      expect([...answered, ...decided].filter(one => !possible.includes(one))).toEqual([])

      let attempt = 0
      await vi.waitFor(
        async () => {
          const key = `after ${attempt++}`
          const after = await Promise.all(Array.from({ length: LIMIT + 5 }, () => ask(key)))
          expect(countOf(after)).toEqual({ 'by a count, allowed': LIMIT, 'by a count, refused': 5 })
          expect(await counted(key)).toBe(LIMIT)
        },
        { timeout: 10_000 },
      )
      if (harm.keepsCounts) expect(await counted('kept')).toBeGreaterThanOrEqual(3)
    })
  })
})

function countOf(decided: readonly Decided[]): Partial<Record<Decided, number>> {
  const tally: Partial<Record<Decided, number>> = {}
  for (const one of decided) tally[one] = (tally[one] ?? 0) + 1
  return tally
}
