import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { ConfigError } from '@palisade/core'
import { expect, test, vi } from 'vitest'
import {
  check,
  disk,
  eventLoop,
  gracefulShutdown,
  type HealthOptions,
  health,
  http,
  memory,
  redis,
  sql,
  tcp,
} from '../src/index.js'

const run = () => true
const db = check({ name: 'db', run })
const client = { send: async () => 'PONG', subscribe: () => ({ ready: Promise.resolve(), close() {} }) }
const given = <T>(value: unknown) => value as T
const server = createServer()
const shutdown = (options: unknown) => () =>
  gracefulShutdown(server, given({ signals: [], ...(options as object) }))

const CASES: readonly (readonly [what: string, build: () => unknown, owner: string, option: string])[] = [
  ['an unknown option', () => health(given<HealthOptions>({ check: [] })), 'health', 'check'],
  ['checks that are none', () => health({ checks: given('db') }), 'health', 'checks'],
  ['a check that is none', () => health({ checks: [db, given({ name: 'x' })] }), 'health', 'checks[1]'],
  [
    'options of a check that were not given to check()',
    () => health({ checks: [given({ name: 'x', run })] }),
    'health',
    'checks[0]',
  ],
  ['such options later', () => health().add(given({ name: 'x', run })), 'health', 'checks'],
  ['no check later', () => health().add(given(undefined)), 'health', 'checks'],
  ['two checks of one name', () => health({ checks: [db, db] }), 'health', 'checks'],
  [
    'more checks than 64',
    () => health({ checks: Array.from({ length: 65 }, (_, i) => check({ name: `c${i}`, run })) }),
    'health',
    'checks',
  ],
  ['a check too many later', () => full().add(check({ name: 'late', run })), 'health', 'checks'],
  ['a path without a slash', () => health({ paths: { live: 'live' } }), 'health', 'paths.live'],
  ['a path with a query', () => health({ paths: { ready: ['/ready?x'] } }), 'health', 'paths.ready[0]'],
  ['an unknown probe', () => health({ paths: given({ liveness: '/x' }) }), 'health', 'paths.liveness'],
  ['two probes at one path', () => health({ paths: { live: '/up', ready: '/up' } }), 'health', 'paths.ready'],
  ['a timeout of 0', () => health({ timeout: 0 }), 'health', 'timeout'],
  ['a timeout that is no duration', () => health({ timeout: '1 second' }), 'health', 'timeout'],
  ['a guard that is none', () => health({ authorize: given<() => boolean>(true) }), 'health', 'authorize'],
  ['a lifecycle that is none', () => health({ lifecycle: given({}) }), 'health', 'lifecycle'],

  ['no options', () => check(given(undefined)), 'check', 'name'],
  ['no name', () => check(given({ run })), 'check', 'name'],
  ['a name that begins with a digit', () => check({ name: '1db', run }), 'check', 'name'],
  ['a name with a space', () => check({ name: 'my db', run }), 'check', 'name'],
  ['a name of a prototype', () => check({ name: '__proto__', run }), 'check', 'name'],
  ['a name that is too long', () => check({ name: 'a'.repeat(65), run }), 'check', 'name'],
  ['nothing to run', () => check(given({ name: 'db' })), 'check', 'run'],
  ['a timeout of 0', () => check({ name: 'db', run, timeout: 0 }), 'check', 'timeout'],
  ['a ttl below 0', () => check({ name: 'db', run, ttl: -1 }), 'check', 'ttl'],
  ['optional as text', () => check({ name: 'db', run, optional: given('yes') }), 'check', 'optional'],
  ['no kinds', () => check({ name: 'db', run, kinds: [] }), 'check', 'kinds'],
  ['an unknown kind', () => check({ name: 'db', run, kinds: [given('readiness')] }), 'check', 'kinds[0]'],
  ['an unknown option of a check', () => check(given({ name: 'db', run, interval: 5 })), 'check', 'interval'],

  ['maxDelay of 0', () => eventLoop({ maxDelay: 0 }), 'eventLoop', 'maxDelay'],
  ['a heap ratio above 1', () => memory({ maxHeapRatio: 95 }), 'memory', 'maxHeapRatio'],
  ['a heap ratio of 0', () => memory({ maxHeapRatio: 0 }), 'memory', 'maxHeapRatio'],
  ['maxRss of 0', () => memory({ maxRss: 0 }), 'memory', 'maxRss'],
  ['a disk without a path', () => disk(given({})), 'disk', 'path'],
  [
    'a free ratio that is no number',
    () => disk({ path: '/', minFreeRatio: Number.NaN }),
    'disk',
    'minFreeRatio',
  ],
  ['free bytes below 1', () => disk({ path: '/', minFreeBytes: 0 }), 'disk', 'minFreeBytes'],
  ['a host with its port', () => tcp({ host: 'db:5432/x', port: 5432 }), 'tcp', 'host'],
  ['a port of 0', () => tcp({ host: 'db', port: 0 }), 'tcp', 'port'],
  ['a dependency as liveness', () => tcp({ host: 'db', port: 1, kinds: ['live'] }), 'tcp', 'kinds[0]'],
  ['Redis as liveness', () => redis(client, { kinds: ['live'] }), 'redis', 'kinds[0]'],
  ['a database as liveness', () => sql(async () => 1, { kinds: ['live'] }), 'sql', 'kinds[0]'],
  ['a URL that is none', () => http({ url: 'status.internal' }), 'http', 'url'],
  ['a URL of files', () => http({ url: 'file:///etc/passwd' }), 'http', 'url'],
  ['a URL with credentials', () => http({ url: 'http://a:hunter2@b/' }), 'http', 'url'],
  ['a method that changes things', () => http({ url: 'http://b/', method: given('POST') }), 'http', 'method'],
  [
    'headers that forge others',
    () => http({ url: 'http://b/', headers: { a: 'b\r\nc: d' } }),
    'http',
    'headers',
  ],
  [
    'a header that is no text',
    () => http({ url: 'http://b/', headers: given({ a: { toString: () => 'b' } }) }),
    'http',
    'headers',
  ],
  ['expect as a number', () => http({ url: 'http://b/', expect: given(200) }), 'http', 'expect'],
  [
    'a dispatcher that is none',
    () => http({ url: 'http://b/', dispatcher: given({}) }),
    'http',
    'dispatcher',
  ],
  [
    'a header that is none',
    () => http({ url: 'http://b/', headers: { 'a b': 'hunter2' } }),
    'http',
    'headers',
  ],
  [
    'a dispatcher that is none',
    () => http({ url: 'http://b/', dispatcher: given({}) }),
    'http',
    'dispatcher',
  ],
  ['a bare Redis URL', () => redis(given('redis://localhost')), 'redis', 'client'],
  ['a query as text', () => sql(given('SELECT 1')), 'sql', 'query'],

  ['no server', () => gracefulShutdown(given(undefined)), 'gracefulShutdown', 'server'],
  ['no servers', () => gracefulShutdown([]), 'gracefulShutdown', 'server'],
  ['one server twice', () => gracefulShutdown([server, server]), 'gracefulShutdown', 'server'],
  ['an app for a server', () => gracefulShutdown(given({ listen() {} })), 'gracefulShutdown', 'server'],
  ['HTTP/2', () => gracefulShutdown(createHttp2Server()), 'gracefulShutdown', 'server'],
  ['an unknown option of a shutdown', shutdown({ grace: 5 }), 'gracefulShutdown', 'grace'],
  ['a pipeline that is none', shutdown({ pipeline: {} }), 'gracefulShutdown', 'pipeline'],
  ['a pipeline without events', shutdown({ pipeline: { dispose() {} } }), 'gracefulShutdown', 'pipeline'],
  ['a handler that is none', shutdown({ handlers: ['close'] }), 'gracefulShutdown', 'handlers[0]'],
  ['a handler without a name', shutdown({ handlers: [{ run }] }), 'gracefulShutdown', 'handlers[0].name'],
  [
    'a handler without time',
    shutdown({ handlers: [{ name: 'a', run, timeout: 0 }] }),
    'gracefulShutdown',
    'handlers[0].timeout',
  ],
  ['handlerTimeout of 0', shutdown({ handlerTimeout: 0 }), 'gracefulShutdown', 'handlerTimeout'],
  ['a delay that is the whole time', shutdown({ delay: '30s' }), 'gracefulShutdown', 'delay'],
  ['a timeout of 0', shutdown({ timeout: 0 }), 'gracefulShutdown', 'timeout'],
  ['a linger over 10 s', shutdown({ linger: '11s' }), 'gracefulShutdown', 'linger'],
  ['retryAfter below a second', shutdown({ retryAfter: 1 }), 'gracefulShutdown', 'retryAfter'],
  ['a signal nobody can handle', shutdown({ signals: ['SIGKILL'] }), 'gracefulShutdown', 'signals[0]'],
  ['a signal that is none', shutdown({ signals: ['TERM'] }), 'gracefulShutdown', 'signals[0]'],
  ['a logger that is none', shutdown({ logger: {} }), 'gracefulShutdown', 'logger'],
  ['a clock that is none', shutdown({ clock: Date }), 'gracefulShutdown', 'clock'],
  ['exit as a code', shutdown({ exit: 1 }), 'gracefulShutdown', 'exit'],
  ['a lifecycle of nothing', shutdown({ lifecycle: null }), 'gracefulShutdown', 'lifecycle'],
]

function full() {
  return health({ checks: Array.from({ length: 64 }, (_, i) => check({ name: `c${i}`, run })) })
}

test.each(CASES)(
  'given %s when it is built then a ConfigError names the option',
  (_what, build, owner, option) => {
    let error: unknown
    try {
      build()
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(ConfigError)
    expect(error).toMatchObject({ owner, option })
    expect((error as Error).message).not.toContain('hunter2')
  },
)

test('given options of a check that were not given to check() when health() refuses them then it says what was forgotten', () => {
  expect(() => health({ checks: [given({ name: 'x', run })] })).toThrow(/check\(\) was not called/)
})

test('given no delay when a shutdown is built then it is 5 s in Kubernetes and none elsewhere', () => {
  const build = () => gracefulShutdown(server, { signals: [], timeout: '5s' }).dispose()
  vi.stubEnv('KUBERNETES_SERVICE_HOST', '10.0.0.1')
  try {
    expect(build).toThrow(/option "delay" is 5000; allowed: less than timeout, 5000 ms/)
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '')
    expect(build).not.toThrow()
  } finally {
    vi.unstubAllEnvs()
  }
})

test('given no signals when a shutdown is built then SIGTERM and SIGINT are heard, until it is disposed', () => {
  const count = () => [process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]
  const [terms = 0, ints = 0] = count()
  const built = gracefulShutdown(server, { delay: 0 })
  expect(count()).toEqual([terms + 1, ints + 1])
  built.dispose()
  expect(count()).toEqual([terms, ints])
})

test('given wrong options when a shutdown is refused then the server and the signals are left alone', () => {
  const before = process.listenerCount('SIGTERM')
  const { emit } = server
  expect(() => gracefulShutdown(server, { delay: '1h' })).toThrow(ConfigError)
  expect(process.listenerCount('SIGTERM')).toBe(before)
  expect(server.emit).toBe(emit)
})
