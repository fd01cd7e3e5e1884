import { type Logger, type Middleware, pipeline, provideIdentity, Reply } from '@palisade/core'
import { fakeClock, type InjectedRequest, inject } from '@palisade/core/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type AccessLogOptions, accessLog, traceContext } from '../src/index.js'
import { NOW } from './support/stand.js'

afterEach(() => vi.restoreAllMocks())

type Line = readonly [level: string, record: Readonly<Record<string, unknown>>, message: string | undefined]

function logger(): { readonly lines: Line[]; readonly logger: Logger } {
  const lines: Line[] = []
  const log = (level: string) => (record: object, message?: string) =>
    void lines.push([level, record as Line[1], message])
  return { lines, logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') } }
}

async function logged(
  request: InjectedRequest,
  options: AccessLogOptions = {},
  before: readonly Middleware[] = [],
) {
  const { lines, logger: kept } = logger()
  const quiet = logger()
  let edge = pipeline({ clock: fakeClock(NOW), logger: quiet.logger, production: true })
  edge = edge.use(accessLog({ logger: kept, ...options }))
  for (const one of before) edge = edge.use(one)
  await inject(edge, request)
  expect(lines).toHaveLength(1)
  const [level, record, message] = lines[0] as Line
  return { level, record, message, faults: quiet.lines }
}

const answers = (status: number) => ({ handler: new Reply(status, {}, null) })
const fails = (error: unknown) => ({
  handler: () => {
    throw error
  },
})

describe('the level', () => {
  it.each<[string, InjectedRequest, string]>([
    ['a 200', answers(200), 'info'],
    ['a 304', answers(304), 'info'],
    ['a 404', answers(404), 'warn'],
    ['a 429', answers(429), 'warn'],
    ['a 500', answers(500), 'error'],
    ['a 503', answers(503), 'error'],
    ['a throw', fails(new Error('boom')), 'error'],
    ['a client that left', { abort: true }, 'warn'],
  ])('given %s, then it is as the request deserves', async (_what, request, level) => {
    expect((await logged(request)).level).toBe(level)
  })

  it('given a 200 whose client left before its end, then it is a warning', async () => {
    const { lines, logger: kept } = logger()
    const log = accessLog({ logger: kept })
    const leaves: Middleware = {
      name: 'leaves',
      onResponse: (ctx, outcome) => log.onResponse?.(ctx, { ...outcome, aborted: true }),
    }
    await inject(pipeline().use(leaves), answers(200))
    expect(lines).toMatchObject([['warn', { status: 200, aborted: true }, 'request']])
  })
})

describe('the record', () => {
  it('given a plain request, then it has exactly these fields, and never the query', async () => {
    const { record, message } = await logged({
      method: 'POST',
      url: '/orders/7?token=secret#x',
      route: '/orders/:id',
      headers: { cookie: 'secret', authorization: 'Bearer secret', 'user-agent': 'secret' },
      body: 'secret',
    })
    expect(message).toBe('request')
    expect(record).toEqual({
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      method: 'POST',
      route: '/orders/:id',
      path: '/orders/7',
      status: 200,
      duration_ms: 0,
      aborted: false,
      ip: '203.0.113.9',
    })
  })

  it('given who, which request and which trace are known, then they are in it', async () => {
    const { lines, logger: kept } = logger()
    const none = new Set<string>()
    const identity = { subject: 'u1', method: 'own', tenant: 't1', scopes: none, roles: none, claims: {} }
    const known = pipeline()
      .use(accessLog({ logger: kept }))
      .use(traceContext())
      .use(provideIdentity(() => identity))
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const { state } = await inject(known, { headers: { traceparent } })
    expect(lines[0]?.[1]).toMatchObject({
      user_id: 'u1',
      tenant_id: 't1',
      trace_id: 'a'.repeat(32),
      span_id: state.trace.spanId,
    })
  })

  it('given the client left before the headers, then there is no status', async () => {
    const { record } = await logged({ abort: true })
    expect(record).toMatchObject({ status: null, aborted: true, route: null })
  })

  it('given no address, then there is none', async () => {
    expect((await logged({ peer: null })).record).toMatchObject({ ip: null })
  })

  it.each<[string, unknown, string]>([
    ['an error', new TypeError('boom'), 'TypeError: boom'],
    ['a string', 'boom', 'boom'],
    ['null', null, 'null was thrown'],
    ['what cannot be a string', Object.create(null), 'object was thrown'],
    [
      'an error that does not say',
      Object.assign(new Error(), { message: Object.create(null) }),
      'TypeError: a value that cannot be inspected was thrown',
    ],
    ['a long story', new Error('x'.repeat(5000)), `Error: ${'x'.repeat(505)}`],
  ])('given %s was thrown, then it is told', async (_what, error, text) => {
    const { record } = await logged(fails(error))
    expect(record).toMatchObject({ status: 500, error: text })
  })

  it('given a path without end, then it is cut', async () => {
    const { record } = await logged({ url: `/${'a'.repeat(9000)}` })
    expect(record['path']).toHaveLength(2048)
  })

  it('given a user and a tenant without end, or that are no text, then they are cut, and text', async () => {
    const login = (subject: unknown, tenant: unknown): Middleware => ({
      name: 'login',
      onRequest(ctx) {
        Object.assign(ctx.state, { identity: { subject, tenant } })
      },
    })
    const long = await logged({}, {}, [login('u'.repeat(9000), 't'.repeat(9000))])
    expect(long.record).toMatchObject({ user_id: 'u'.repeat(512), tenant_id: 't'.repeat(512) })
    expect((await logged({}, {}, [login(7, 8)])).record).toMatchObject({ user_id: '7', tenant_id: '8' })
  })

  it('given headers that were named, then they are in it, cut, and no others', async () => {
    const headers = { 'User-Agent': 'x'.repeat(600), 'X-Other': 'no', Referer: '/' }
    const { record } = await logged({ headers }, { headers: ['User-Agent', 'referer', 'x-absent'] })
    expect(record['headers']).toEqual({ 'user-agent': 'x'.repeat(512), referer: '/' })
  })
})

describe('JSON lines', () => {
  const printed = async (request: InjectedRequest, options: AccessLogOptions = {}) => {
    const print = vi.spyOn(console, 'log').mockImplementation(() => {})
    await inject(pipeline({ clock: fakeClock(NOW) }).use(accessLog(options)), request)
    expect(print).toHaveBeenCalledTimes(1)
    return print.mock.calls[0]?.[0] as string
  }

  it('given no logger, then one line of JSON with time, level and message first', async () => {
    const line = await printed({ url: '/a' })
    expect(line).toMatch(/^\{"time":"2026-01-02T03:04:05\.000Z","level":"info","msg":"request","request_id":/)
    expect(JSON.parse(line)).toMatchObject({ path: '/a', status: 200 })
  })

  it.each([
    '/a\n{"level":"error","msg":"forged"}',
    '/a\r\n',
    '/a","status":200,"x":"',
    '/\u001b[2Ja',
    '/\u009b2Ja',
    '/a\u2028b\u2029c\u0085',
    '/\u007f',
    '/\u202egnp.exe',
    '/\u2066a\u2069\u200f\u061c',
  ])('given the path %j, then it forges no line, field or terminal command', async url => {
    const line = await printed({ url, headers: { 'x-a': 'b"c' } }, { headers: ['x-a'] })
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/)
    expect(JSON.parse(line)).toMatchObject({ level: 'info', path: url, headers: { 'x-a': 'b"c' } })
  })
})

describe('a client that sends as much as it can', () => {
  it('given the longest of everything, in what is escaped to six times its length, then the line is bounded', async () => {
    const print = vi.spyOn(console, 'log').mockImplementation(() => {})
    const names = Array.from({ length: 50 }, (_, i) => `x-${i}`)
    const flood = '\u009b'.repeat(60_000)
    await inject(
      pipeline({ clock: fakeClock(NOW), logger: logger().logger }).use(accessLog({ headers: names })),
      {
        method: 'M'.repeat(60_000),
        url: `/${flood}?${flood}`,
        headers: Object.fromEntries(names.map(name => [name, flood])),
        handler: () => {
          throw new Error(flood)
        },
      },
    )
    const line = print.mock.calls[0]?.[0] as string
    expect(line.length).toBeLessThan(6 * (50 * 530 + 2048 + 1024) + 2000)
    expect(JSON.parse(line)).toMatchObject({ level: 'error', method: 'M'.repeat(32), status: 500 })
  })
})

describe('a logger that fails', () => {
  const broken = (fail: () => unknown): Logger => {
    const log = fail as Logger['info']
    return { debug: log, info: log, warn: log, error: log }
  }

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('disk full')
      },
    ],
    ['rejects', async () => Promise.reject(new Error('disk full'))],
  ])(
    'given it %s, then the request is answered, the rest runs and the fault is logged',
    async (_how, fail) => {
      const own = logger()
      const seen: string[] = []
      const edge = pipeline({ logger: own.logger })
        .use({ name: 'outer', onResponse: () => void seen.push('outer') })
        .use(accessLog({ logger: broken(fail) }))
      const { status } = await inject(edge)
      await Promise.resolve()
      expect([status, seen]).toEqual([200, ['outer']])
      expect(own.lines.map(([level, fault]) => [level, String(fault['err'])])).toEqual([
        ['error', 'Error: disk full'],
      ])
    },
  )
})
