import { describe, expect, test } from 'vitest'
import { WorkQueue } from '../../src/basic/work-queue.js'
import { basic, passwordHasher, passwordUsers } from '../../src/index.js'
import { edge } from '../support/edge.js'

const as = (pair: string, peer = '203.0.113.9') => ({
  peer,
  headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` },
})

/** A queue in which every task waits until it is let go, and what was run, in order. */
function held(concurrency: number, waiting: number, waitingPerClient = waiting) {
  const queue = new WorkQueue({ concurrency, waiting, waitingPerClient })
  const started: string[] = []
  const ends: (() => void)[] = []
  const refused: string[] = []
  const enter = (name: string, client?: string, signal?: AbortSignal) => {
    const task = () => {
      started.push(name)
      return new Promise<void>(resolve => ends.push(resolve))
    }
    const done = queue.run(task, signal, client)
    done.catch(() => refused.push(name))
    return done
  }
  const endAll = async () => {
    for (let end = ends.shift(); end !== undefined; end = ends.shift()) {
      end()
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  return { queue, started, refused, enter, endAll }
}

test('runs 4, lets 64 wait, and refuses the next', async () => {
  const { started, enter, endAll } = held(4, 64)
  const all = Array.from({ length: 68 }, (_, i) => enter(`${i}`))
  await expect(enter('one more')).rejects.toThrow('too many')
  expect(started).toEqual(['0', '1', '2', '3'])
  await endAll()
  await Promise.all(all)
  expect(started.length).toBe(68)
})

test('forgets who leaves while waiting', async () => {
  const { started, enter, endAll } = held(1, 1)
  const first = enter('first')
  const leaving = new AbortController()
  const second = enter('second', undefined, leaving.signal)
  leaving.abort(new Error('left'))
  await expect(second).rejects.toThrow('left')
  const third = enter('third')
  await endAll()
  await Promise.all([first, third])
  expect(started).toEqual(['first', 'third'])
})

test('refuses who has left already, without a place', async () => {
  const { enter, endAll, started } = held(1, 1)
  const first = enter('first')
  await expect(enter('gone', 'a', AbortSignal.abort(new Error('left')))).rejects.toThrow('left')
  const second = enter('second')
  await endAll()
  await Promise.all([first, second])
  expect(started).toEqual(['first', 'second'])
})

describe('given one client that floods the queue', () => {
  test('when it has its share then it is refused, and another client is not', async () => {
    const { refused, started, enter, endAll } = held(1, 8, 2)
    for (let i = 0; i < 10; i++) enter(`flood ${i}`, 'a').catch(() => {})
    const other = enter('other', 'b')
    await endAll()
    await other
    expect(refused.length).toBe(7)
    expect(started).toEqual(['flood 0', 'flood 1', 'other', 'flood 2'])
  })

  test('when another client comes then it waits for one task, not for the queue', async () => {
    const { started, enter, endAll } = held(1, 64, 16)
    for (let i = 0; i < 17; i++) enter(`flood ${i}`, 'a').catch(() => {})
    for (const name of ['b1', 'b2']) enter(name, 'b').catch(() => {})
    await endAll()
    expect(started.slice(0, 6)).toEqual(['flood 0', 'flood 1', 'b1', 'flood 2', 'b2', 'flood 3'])
  })
})

test('given a queue that several clients have filled, when another one comes, then the one with most gives a place', async () => {
  const { started, refused, enter, endAll } = held(1, 4, 2)
  enter('running', 'z').catch(() => {})
  for (const client of ['a', 'b']) for (const n of [1, 2]) enter(`${client}${n}`, client).catch(() => {})
  const third = enter('c1', 'c')
  await endAll()
  await third
  expect(refused).toEqual(['a2'])
  expect(started).toEqual(['running', 'a1', 'b1', 'c1', 'b2'])
})

test('given clients with one place each, when another one comes, then no place is taken from them', async () => {
  const { enter, endAll } = held(1, 2, 1)
  const all = ['z', 'a', 'b'].map(client => enter(client, client))
  await expect(enter('c', 'c')).rejects.toThrow('too many')
  await endAll()
  await Promise.all(all)
})

test('that is full is a 503 with Retry-After, and no violation', async () => {
  const hasher = passwordHasher({ cost: 10, concurrency: 1, waiting: 0 })
  const users = passwordUsers({ find: () => undefined, hasher })
  const { send, violations } = edge({ strategies: [basic({ verify: users.verify })] })
  const [one, two] = await Promise.all([send(as('a:x')), send(as('b:x'))])
  expect([one.status, two.status, two.headers['retry-after']]).toEqual([401, 503, '1'])
  expect(violations.length).toBe(1)
})

test('given one client with many logins at once, when another client logs in, then it is served and the first gets 503 past its share', async () => {
  const hasher = passwordHasher({ cost: 10, concurrency: 1, waiting: 8 })
  const passwordHash = await hasher.hash('pw')
  const users = passwordUsers({
    find: name => (name === 'ada' ? { subject: 'u', passwordHash } : null),
    hasher,
  })
  const { send } = edge({ strategies: [basic({ verify: users.verify, lockout: false })] })
  const flood = Array.from({ length: 20 }, (_, i) => send(as(`u${i}:x`)))
  const other = send(as('ada:pw', '198.51.100.7'))
  expect((await other).status).toBe(200)
  const statuses = (await Promise.all(flood)).map(({ status }) => status)
  // One that runs, and a quarter of eight that wait.
  expect([statuses.filter(status => status === 401).length, statuses.filter(s => s === 503).length]).toEqual([
    3, 17,
  ])
})
