import { createServer, IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { toExpress } from '@palisade/adapters/express'
import { toFastify } from '@palisade/adapters/fastify'
import { toFetch } from '@palisade/adapters/fetch'
import { toHono } from '@palisade/adapters/hono'
import { toKoa } from '@palisade/adapters/koa'
import { toNode } from '@palisade/adapters/node'
import {
  type ApiKeyRecord,
  apiKeys,
  cookie,
  jwt,
  keyValueKeys,
  memoryKeys,
  passwordHasher,
  passwordUsers,
} from '@palisade/auth'
import { pipeline, requestId, trustedHops } from '@palisade/core'
import { CidrSet, systemClock } from '@palisade/core/middleware'
import { guardRedis, type RedisClient } from '@palisade/core/redis'
import { fakeClock, inject } from '@palisade/core/testing'
import { failban, memoryBans } from '@palisade/failban'
import { compileGrants, guard, requireRole } from '@palisade/guards'
import { check, gracefulShutdown, health, lifecycle } from '@palisade/health'
import { metrics } from '@palisade/metrics'
import { concurrencyLimit, createLimiter, memoryStore, rateLimit, redisStore } from '@palisade/ratelimit'
import { type AnyFunction, type Calls, type MethodRow, row } from './support/method-row.js'

const quota = { limit: 1, window: '1m' } as const
const newKey = { name: 'k', owner: 'ada' }
const record: ApiKeyRecord = {
  ...newKey,
  id: 'a',
  version: 1,
  hash: 'h',
  createdAt: 0,
  updatedAt: 0,
} as ApiKeyRecord
const page = { limit: 5 }
const client: RedisClient = {
  send: async () => 'PONG',
  subscribe: () => ({ ready: Promise.resolve(), close: () => {} }),
}
const script = { name: 's', lua: 'return 1', sha1: '0', keys: 1, read: String }
const map = () => {
  const entries = new Map<string, unknown>()
  return {
    get: (key: string) => entries.get(key),
    set: (key: string, value: unknown) => void entries.set(key, value),
    delete: (key: string) => entries.delete(key),
  }
}
const keyStore = {
  get: get => get('a'),
  add: (add, store) => [add(record), store.get('a')],
  replace: replace => replace(record, 1),
  list: list => list(page),
  count: count => count('c', 1000, 9),
  touch: (touch, store) => [touch('a', 5), store.lastUsedAt('a')],
  lastUsedAt: lastUsedAt => lastUsedAt('a'),
} satisfies Calls<ReturnType<typeof memoryKeys>>
const request = () => new IncomingMessage(new Socket())
const noRequest = {
  diagnose: (diagnose: () => unknown) => diagnose(),
  state: (state: AnyFunction) => state(request() as never),
  context: (context: AnyFunction) => context(request() as never),
  report: (report: AnyFunction) => report(new Error('shown') as never, request() as never),
}
const onServer = {
  handleUpgrade: (handle: AnyFunction) => typeof handle(createServer() as never),
  handleUnroutable: (handle: AnyFunction) => typeof handle(createServer() as never),
}
const quiet = () => pipeline({ logger: { debug() {}, info() {}, warn() {}, error() {} } })

/** Every factory whose object has methods for its callers. A new one is one more row. */
export const rows: readonly MethodRow[] = [
  row('pipeline', quiet, {
    use: use => inject(use(requestId({ generator: () => 'one' }))).then(({ headers }) => headers),
    branch: branch => inject(branch()).then(({ status }) => status),
    compile: (compile, edge) => compile() === edge.compile(),
    diagnose: diagnose => diagnose(),
    dispose: async (dispose, edge) => [await dispose(), (await inject(edge)).status],
  }),
  row('pipeline().events', () => quiet().events, {
    has: has => has('request:end'),
    emit: (emit, bus) => heard(bus, () => emit('shutdown:drained', { durationMs: 1 })),
    on: (on, bus) => heard({ on }, () => bus.emit('shutdown:drained', { durationMs: 1 })),
    once: (once, bus) => heard({ on: once }, () => bus.emit('shutdown:drained', { durationMs: 1 })),
    off: (off, bus) => heard(bus, () => off('shutdown:*', () => {})),
    stream: (stream, bus) => stream('*')[Symbol.asyncIterator]() !== undefined && bus.has('request:end'),
  }),
  row('events.stream', () => quiet().events.stream('*'), {
    onEnd: (onEnd, stream) => {
      let calls = 0
      onEnd(() => calls++)
      stream.end()
      return calls
    },
    push: async (push, stream) => [push({} as never), await stream.next()],
    end: (end, stream) => [end(), stream.next()],
    next: (next, stream) => [stream.end(), next()],
    return: doReturn => doReturn(),
  }),
  row('trustedHops', () => trustedHops(1), {
    resolve: resolve => resolve('10.0.0.1', '203.0.113.9'),
    isProxy: isProxy => isProxy('10.0.0.1'),
  }),
  row('CidrSet', () => new CidrSet(['10.0.0.0/8']), {
    has: has => has('10.0.0.1'),
    hasClient: hasClient => hasClient({ ip: '10.0.0.1', key: '10.0.0.1' }),
    admits: admits => admits({ ip: '10.0.0.1', bannable: true }),
    hasIp: hasIp => hasIp({ family: 4, a: 0, b: 0, c: 0, d: 167_772_161 }),
    covers: covers => covers('10.1.0.0/16'),
    overlaps: overlaps => overlaps('10.0.0.0/7'),
  }),
  row('systemClock', () => systemClock, {
    now: now => typeof now(),
    monotonic: monotonic => typeof monotonic(),
  }),
  row('fakeClock', fakeClock, {
    now: now => now(),
    monotonic: monotonic => monotonic(),
    advance: (advance, clock) => [advance(5), clock.now()],
    set: (set, clock) => [set(5), clock.now()],
  }),
  row('guardRedis', () => guardRedis(client), {
    run: run => run(script, ['k']),
    send: send => send(['PING']),
    dispose: dispose => dispose(),
  }),

  row('createLimiter', () => createLimiter({ ...quota, name: 'p' }), {
    consume: (consume, limiter) => [consume('k').allowed, limiter.consume('k').allowed],
    refund: (refund, limiter) => [
      refund(limiter.consume('k').receipt as never),
      limiter.consume('k').allowed,
    ],
    settle: (settle, limiter) => [
      settle(limiter.consume('k').receipt as never, 0),
      limiter.consume('k').allowed,
    ],
    setLimit: (setLimit, limiter) => [setLimit('p', { limit: 0 }), limiter.consume('k').allowed],
    reset: (reset, limiter) => [limiter.consume('k').allowed, reset('k'), limiter.consume('k').allowed],
    dispose: dispose => dispose(),
  }),
  row(
    'createLimiter with redisStore',
    () => createLimiter({ ...quota, name: 'p', store: redisStore(client, { namespace: 'test' }) }),
    {
      consume: async consume => (await consume('k')).allowed,
      refund: async (refund, limiter) => refund((await limiter.consume('k')).receipt as never),
      settle: async (settle, limiter) => settle((await limiter.consume('k')).receipt as never, 0),
      setLimit: setLimit => setLimit('p', { limit: 0 }),
      reset: reset => reset('k'),
      dispose: dispose => dispose(),
    },
  ),
  row('rateLimit', () => rateLimit({ ...quota, name: 'p' }), {
    setLimit: async (setLimit, limit) => [
      setLimit('p', { limit: 0 }),
      (await inject(pipeline().use(limit))).status,
    ],
    reset: async (reset, limit) => {
      const edge = pipeline().use(limit)
      await inject(edge)
      await reset('203.0.113.9')
      return (await inject(edge)).status
    },
  }),
  row('concurrencyLimit', () => concurrencyLimit({ limit: 1 }), {
    setLimit: async (setLimit, limit) => [setLimit(0), (await inject(pipeline().use(limit))).status],
  }),
  row('memoryStore', memoryStore, { open: open => open('x', []).immediate }),
  row('redisStore', () => redisStore(client, { namespace: 'test' }), {
    open: open => open('x', []).immediate,
    dispose: dispose => dispose(),
  }),

  row('failban', failban, {
    ready: ready => ready(),
    find: find => find('203.0.113.9'),
    list: list => list(),
    ban: async (ban, bans) => [(await ban('203.0.113.9')).ip, bans.list().length],
    unban: async (unban, bans) => [await bans.ban('203.0.113.9'), await unban('203.0.113.9')].length,
    setAllow: async (setAllow, bans) => [setAllow(['10.0.0.0/8']), await failed(() => bans.ban('10.0.0.1'))],
    setDeny: async (setDeny, bans) => [
      setDeny(['203.0.113.0/24']),
      (await inject(pipeline().use(bans))).status,
    ],
    stats: stats => stats(),
  }),
  row('memoryBans', memoryBans, {
    open: open => open({} as never),
    save: save => save({} as never),
    remove: remove => remove('203.0.113.9'),
    sweep: sweep => sweep(),
    close: close => close(),
  }),
  row('guard', () => guard(requireRole('a')), {}),
  row('compileGrants', () => compileGrants(['orders:read']), {
    allows: allows => [allows('orders', 'read'), allows('orders', 'delete')],
  }),

  row('apiKeys', () => apiKeys({ clock: fakeClock() }), {
    create: async (create, keys) => [typeof (await create(newKey)).key, (await keys.list()).keys.length],
    get: get => get('nobody'),
    list: async (list, keys) => [await keys.create(newKey), (await list()).keys.length].length,
    update: async (update, keys) => {
      const { record } = await keys.create(newKey)
      return (await update(record.id, { name: 'other' }))?.name
    },
    rotate: async (rotate, keys) => typeof (await rotate((await keys.create(newKey)).record.id))?.key,
    revoke: async (revoke, keys) => revoke((await keys.create(newKey)).record.id),
    setup: setup => setup(quiet().compile().services),
    dispose: dispose => dispose(),
  }),
  row('jwt', () => jwt({ issuer: 'shop', audience: 'shop', secret: 's'.repeat(32), algorithms: ['HS256'] }), {
    extract: extract => extract({ header: () => 'Bearer a.b.c' } as never),
    yields: yields => yields({ field: 'Bearer key', token: 'key' }),
    recall: recall => recall({ field: 'Bearer a.b.c', token: 'a.b.c' }, {} as never),
    verify: verify => verify({ field: 'Bearer a.b.c', token: 'a.b.c' }, {} as never),
    challenge: challenge => challenge('expired'),
    secretOf: secretOf => secretOf({ field: 'Bearer a.b.c', token: 'a.b.c' }),
    clear: () => undefined,
    setup: setup => setup(quiet().compile().services),
    dispose: dispose => dispose(),
  }),
  row('cookie', () => cookie('token'), {
    field: field => failed(() => field({ header: () => 'token=t' } as never)),
    owns: owns => owns('t'),
    tokenIn: tokenIn => tokenIn('t'),
  }),
  row('memoryKeys', memoryKeys, keyStore),
  row('keyValueKeys', () => keyValueKeys({ store: map() }), keyStore),
  row('passwordHasher', () => passwordHasher({ cost: 10 }), {
    hash: async (hash, hasher) => hasher.verify('secret', await hash('secret')),
    verify: verify => verify('secret', undefined),
    needsRehash: needsRehash => needsRehash('no hash'),
  }),
  row('passwordUsers', () => passwordUsers({ find: () => undefined, hasher: passwordHasher({ cost: 10 }) }), {
    verify: verify => verify('ada', 'secret'),
  }),

  row('lifecycle', lifecycle, {
    drain: (drain, life) => [drain('test'), life.draining],
  }),
  row('health', health, {
    add: (add, one) => [typeof add(check({ name: 'own', run: () => true })), one.lifecycle.draining],
    report: async report => failed(report),
  }),
  row('gracefulShutdown', () => gracefulShutdown(createServer(), { signals: [], exit: () => {} }), {
    add: add => typeof add(() => {}),
    start: async start => (await start('test')).reason,
    dispose: dispose => dispose(),
  }),

  row('metrics', metrics, {
    counter: counter => counter({ name: 'a_total', help: 'a' }).name,
    gauge: gauge => gauge({ name: 'b', help: 'b' }).name,
    histogram: histogram => histogram({ name: 'c', help: 'c' }).name,
    text: text => failed(text),
    json: json => failed(json),
  }),
  row('metrics().counter', () => metrics().counter({ name: 'a_total', help: 'a' }), {
    inc: (inc, counter) => [inc(), shown(counter)],
    collect: collect => shown({ collect }),
  }),
  row('metrics().gauge', () => metrics().gauge({ name: 'b', help: 'b' }), {
    set: (set, gauge) => [set(5), shown(gauge)],
    inc: (inc, gauge) => [inc(), shown(gauge)],
    dec: (dec, gauge) => [dec(), shown(gauge)],
    refresh: refresh => refresh(),
    collect: collect => shown({ collect }),
  }),
  row('metrics().histogram', () => metrics().histogram({ name: 'c', help: 'c' }), {
    observe: (observe, histogram) => [observe(1), shown(histogram)],
    collect: collect => shown({ collect }),
  }),

  row('toExpress', () => toExpress(quiet()), { ...noRequest, ...onServer } as never),
  row('toFastify', () => toFastify(quiet()), { ...noRequest, ...onServer } as never),
  row('toHono', () => toHono(quiet()), { ...noRequest, ...onServer } as never),
  row('toKoa', () => toKoa(quiet()), { ...noRequest, ...onServer } as never),
  row('toNode', () => toNode(quiet(), () => {}), { ...noRequest, ...onServer } as never),
  row('toFetch', () => toFetch(quiet(), () => new Response()), noRequest as never),
]

/** What a listener heard meanwhile. */
function heard(bus: { on: AnyFunction }, act: () => void): unknown[] {
  const events: unknown[] = []
  bus.on('shutdown:*' as never, ((payload: unknown) => void events.push(payload)) as never)
  act()
  return events
}

/** The series of a metric. */
function shown({ collect }: { collect(): Iterable<Iterable<unknown>> }): unknown[] {
  return [...collect()].map(series => [...series])
}

async function failed(act: () => unknown): Promise<string> {
  try {
    await act()
    return 'nothing'
  } catch (error) {
    return String(error)
  }
}
