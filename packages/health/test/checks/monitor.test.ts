import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { check, tcp } from '../../src/index.js'
import { deferred, scene } from '../support/scene.js'

test('given many probes at once when a check waits then it runs once, and all get its result', async () => {
  const gate = deferred<boolean>()
  let runs = 0
  const slow = check({
    name: 'db',
    ttl: 0,
    run: () => {
      runs++
      return gate.promise
    },
  })
  const { ask } = scene({ checks: [slow] })
  const asked = Array.from({ length: 50 }, (_, i) => ask(i % 2 === 0 ? '/ready' : '/health'))
  gate.resolve(true)
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(50).fill(200))
  expect(runs).toBe(1)
})

test('given a check of all kinds when all probes ask at once then it runs once', async () => {
  const gate = deferred<boolean>()
  let runs = 0
  const run = () => {
    runs++
    return gate.promise
  }
  const { ask } = scene({
    checks: [check({ name: 'pool', run, ttl: 0, kinds: ['live', 'ready', 'startup'] })],
  })
  const asked = ['/health/live', '/health/ready', '/health/startup', '/health', '/ready'].map(ask)
  gate.resolve(false)
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(5).fill(503))
  expect(runs).toBe(1)
})

test('given strangers without end when they probe then what is checked is asked once for each ttl', async () => {
  let runs = 0
  const run = async () => void runs++
  const { get, clock } = scene({ checks: [check({ name: 'db', run })] })
  for (let i = 0; i < 1000; i++) await get('/ready', { peer: `203.0.113.${i % 250}` })
  expect(runs).toBe(1)
  clock.advance(1000)
  await get('/ready')
  expect(runs).toBe(2)
})

describe('the defaults', () => {
  test('given nothing was said when a check is built then a run has 800 ms and counts for a second', () => {
    const built = check({ name: 'db', run: () => true })
    expect(built).toMatchObject({ timeoutMs: 800, ttlMs: 1000, optional: false })
    expect([...built.kinds]).toEqual(['ready'])
  })

  test('given nothing was said when a check and a guard never end then the answer is there after 900 ms, and not before', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const never = () => new Promise<never>(() => {})
      const { ask } = scene({ checks: [check({ name: 'db', timeout: '30s', run: never })], authorize: never })
      let answered: number | undefined
      void ask('/ready').then(({ status }) => {
        answered = status
      })
      await vi.advanceTimersByTimeAsync(899)
      expect(answered).toBeUndefined()
      await vi.advanceTimersByTimeAsync(1)
      // The loop looks at its sockets once more.
      for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve))
      expect(answered).toBe(503)
    } finally {
      vi.useRealTimers()
    }
  })
})

test.each(['run', 'promise'])(
  'given a result whose then cannot be read when a %s brings it then the check is unhealthy, and the probe is answered',
  async by => {
    const odd = {
      get then() {
        throw new Error('no then')
      },
    }
    const run = (() =>
      by === 'run'
        ? odd
        : { then: (done: (value: unknown) => void) => done(odd) }) as unknown as () => undefined
    const { ask } = scene({ checks: [check({ name: 'odd', run })] })
    const { status, body } = await ask('/ready')
    expect([status, body.checks?.['odd']]).toMatchObject([503, { status: 'unhealthy', error: 'no then' }])
  },
)

test('given a ttl when it has not passed then the result is kept, and when it has then the check is asked again', async () => {
  let runs = 0
  const counted = check({
    name: 'db',
    ttl: '5s',
    run: async () => {
      runs++
    },
  })
  const { ask, clock } = scene({ checks: [counted] })
  await ask('/ready')
  clock.advance(4999)
  await ask('/ready')
  expect(runs).toBe(1)
  clock.advance(1)
  await ask('/ready')
  expect(runs).toBe(2)
})

test('given a clock that is set back when the ttl passes then the check is asked again all the same', async () => {
  let runs = 0
  const { ask, clock } = scene({
    checks: [
      check({
        name: 'db',
        run: () => {
          runs++
        },
      }),
    ],
  })
  await ask('/ready')
  clock.set(0)
  clock.advance(1000)
  await ask('/ready')
  expect(runs).toBe(2)
})

test('given a ttl of 0 when probes ask one after the other then each asks', async () => {
  let runs = 0
  const { ask } = scene({
    checks: [
      check({
        name: 'db',
        ttl: 0,
        run: () => {
          runs++
        },
      }),
    ],
  })
  await ask('/ready')
  await ask('/ready')
  expect(runs).toBe(2)
})

test('given a check that hangs when it is out of time then it fails, is told, and is not started again until it has ended', async () => {
  const gate = deferred<boolean>()
  const signals: AbortSignal[] = []
  const hanging = check({
    name: 'db',
    timeout: 20,
    ttl: 0,
    run: signal => {
      signals.push(signal)
      return gate.promise
    },
  })
  const { ask, clock } = scene({ checks: [hanging] })
  const first = await ask('/ready')
  expect(first).toMatchObject({ status: 503, body: { checks: { db: { error: 'no answer within 20 ms' } } } })
  expect(signals[0]?.aborted).toBe(true)
  clock.advance(60_000)
  expect((await ask('/ready')).status).toBe(503)
  expect((await ask('/ready')).status).toBe(503)
  expect(signals).toHaveLength(1)
  gate.resolve(true)
  await gate.promise
  const after = await ask('/ready')
  expect(signals).toHaveLength(2)
  expect(after.status).toBe(200)
})

test('given a check that rejects when its signal is aborted then the next probe asks again', async () => {
  let runs = 0
  const heeding = check({
    name: 'db',
    timeout: 20,
    ttl: 0,
    run: signal => {
      runs++
      return new Promise<boolean>((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason)),
      )
    },
  })
  const { ask } = scene({ checks: [heeding] })
  await ask('/ready')
  await ask('/ready')
  expect(runs).toBe(2)
})

test('given a check slower than the answer when it never ended before then the answer is in time and unhealthy', async () => {
  const gate = deferred<boolean>()
  const slow = check({ name: 'db', timeout: '10s', run: () => gate.promise })
  const { ask, clock } = scene({ timeout: 20, checks: [slow] })
  const { status, body } = await ask('/ready')
  expect(status).toBe(503)
  expect(body.checks?.['db']).toEqual({ status: 'unhealthy', latency_ms: null, error: 'no answer yet' })
  clock.advance(3000)
  gate.resolve(true)
  await gate.promise
  expect((await ask('/ready')).body.checks?.['db']).toEqual({ status: 'healthy', latency_ms: 3000 })
})

test('given a check slower than the answer when it was well before then that counts until its own time is up', async () => {
  const results = [Promise.resolve(true), new Promise<boolean>(() => {})]
  const slow = check({ name: 'db', timeout: 150, run: () => results.shift() ?? true })
  const { ask, clock } = scene({ timeout: 20, checks: [slow] })
  expect((await ask('/ready')).status).toBe(200)
  clock.advance(1000)
  const stale = await ask('/ready')
  expect(stale.status).toBe(200)
  for (let i = 0; i < 1000; i++) if ((await ask('/ready')).status === 503) return
  expect.unreachable('the time of the check is never up')
})

test.each([
  ['of the check', { timeout: 20 }, {}],
  ['of the answer', {}, { timeout: 20 }],
])(
  'given a process that stood still when the answer lies in the socket then it is read before the time %s is said to be up',
  async (_whose, of, more) => {
    const server = createServer(socket => socket.resume()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { ask } = scene({ checks: [tcp({ host: '127.0.0.1', port, ...of })], ...more })
    // In the phase of the loop behind which timers come first, and sockets after them.
    const asked = await new Promise<ReturnType<typeof ask>[]>(resolve =>
      setImmediate(() => {
        const answer = ask('/ready')
        // The kernel connects by itself; this process learns of it only when its loop goes on.
        process.nextTick(() => {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
          resolve([answer])
        })
      }),
    )
    expect((await asked[0])?.status).toBe(200)
    await new Promise(resolve => server.close(resolve))
  },
)

test.each([
  ['nothing', undefined, 200],
  ['true', true, 200],
  ['false', false, 503],
  ['{ healthy: true }', { healthy: true }, 200],
  ['{ healthy: false }', { healthy: false }, 503],
  ['null', null, 503],
  ['a string', 'ok', 503],
  ['an empty object', {}, 503],
  ['{ healthy: 1 }', { healthy: 1 }, 503],
  ['a promise of a string', Promise.resolve('ok'), 503],
])(
  'given a check that returns %s when readiness is asked then the status is %3$i',
  async (_what, value, status) => {
    const { ask } = scene({ checks: [check({ name: 'db', run: () => value as boolean })] })
    expect((await ask('/ready')).status).toBe(status)
  },
)

test('given facts when a check returns them then those that are plain and bounded are shown, and none replaces the verdict', async () => {
  const facts = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`fact${i}`, i]))
  const run = () => ({
    healthy: true,
    status: 'fine',
    long: 'x'.repeat(500),
    object: {} as never,
    line: 'a\r\nb',
    ...facts,
  })
  const { ask } = scene({ checks: [check({ name: 'db', run })] })
  const entry = (await ask('/ready')).body.checks?.['db'] ?? {}
  expect(entry['status']).toBe('healthy')
  expect(String(entry['long'])).toHaveLength(200)
  expect(entry).not.toHaveProperty('object')
  expect(entry['line']).toBe('a b')
  expect(Object.keys(entry).length).toBeLessThanOrEqual(18)
})

function selfHolding(): AggregateError {
  const error = new AggregateError([], '')
  error.errors.push(error)
  return error
}

function unreadable(): object {
  return new Proxy(
    {},
    {
      get() {
        throw new Error('no')
      },
    },
  )
}

test.each([
  ['what throws in its then', new Error('in then')],
  ['what throws in its then what cannot be read', unreadable()],
])(
  'given a check that returns %s when readiness is asked then it is unhealthy, and the next one is asked',
  async (_what, error) => {
    let runs = 0
    const run = () => {
      runs++
      return {
        then() {
          throw error
        },
      } as unknown as Promise<boolean>
    }
    const { ask } = scene({ checks: [check({ name: 'db', ttl: 0, run })] })
    expect((await ask('/ready')).status).toBe(503)
    expect((await ask('/ready')).status).toBe(503)
    expect(runs).toBe(2)
  },
)

test.each([
  ['an error', new Error('first line\nsecond line'), 'first line second line'],
  ['a long error', new Error('y'.repeat(5000)), `${'y'.repeat(199)}…`],
  ['an error of several addresses', new AggregateError([new Error('refused')], ''), 'refused'],
  ['nothing', undefined, 'failed without a message'],
  ['a code alone', { code: 'ECONNRESET' }, 'ECONNRESET'],
  ['an error that holds itself', selfHolding(), 'failed without a message'],
  ['an error that cannot be read', unreadable(), 'failed without a message'],
])(
  'given a check that rejects with %s when details are shown then the text is one bounded line',
  async (_what, error, text) => {
    const { ask } = scene({ checks: [check({ name: 'db', run: () => Promise.reject(error) })] })
    expect((await ask('/ready')).body.checks?.['db']?.['error']).toBe(text)
  },
)
