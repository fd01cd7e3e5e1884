import { expect, test } from 'vitest'
import { check } from '../../src/index.js'
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
  const { ask, clock } = scene({ deadline: 20, checks: [slow] })
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
  const { ask, clock } = scene({ deadline: 20, checks: [slow] })
  expect((await ask('/ready')).status).toBe(200)
  clock.advance(1000)
  const stale = await ask('/ready')
  expect(stale.status).toBe(200)
  for (let i = 0; i < 1000; i++) if ((await ask('/ready')).status === 503) return
  expect.unreachable('the time of the check is never up')
})

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

test.each([
  ['an error', new Error('first line\nsecond line'), 'first line second line'],
  ['a long error', new Error('y'.repeat(5000)), `${'y'.repeat(199)}…`],
  ['an error of several addresses', new AggregateError([new Error('refused')], ''), 'refused'],
  ['nothing', undefined, 'failed without a message'],
])(
  'given a check that rejects with %s when details are shown then the text is one bounded line',
  async (_what, error, text) => {
    const { ask } = scene({ checks: [check({ name: 'db', run: () => Promise.reject(error) })] })
    expect((await ask('/ready')).body.checks?.['db']?.['error']).toBe(text)
  },
)
