import { describe, expect, it } from 'vitest'
import { adminApi } from '../../src/admin.js'
import {
  ConfigError,
  cors,
  EventBus,
  pipeline,
  provideIdentity,
  singleHeader,
  trustedHops,
  trustedProxies,
} from '../../src/index.js'
import {
  CidrSet,
  canonicalCidr,
  canonicalIp,
  clientKey,
  networkOf,
  parseDuration,
  routingPath,
} from '../../src/middleware.js'
import { inject } from '../../src/testing.js'
import { memoryLogger } from '../support/memory-logger.js'

const fail = () => {
  throw new Error('cannot be read')
}
const { proxy: gone, revoke } = Proxy.revocable({}, {})
revoke()

/** Mistakes, and values that are meant to break. */
const HOSTILE: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['true', true],
  ['no number', Number.NaN],
  ['a fraction', 1.5],
  ['too much', 2 ** 53],
  ['a symbol', Symbol('x')],
  ['a big number', 10n],
  ['a huge text', 'x'.repeat(5_000_000)],
  ['a text with a NUL', 'x\0y'],
  ['a list with a hole', new Array(1)],
  ['a list of a million holes', new Array(1_000_001)],
  ['a list that is its own entry', ownEntry()],
  ['a map', new Map()],
  ['a promise', Promise.resolve('x')],
  ['a proxy that throws', new Proxy({}, { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail })],
  ['a proxy of a list that throws', new Proxy([], { get: fail })],
  ['a proxy that is gone', gone],
  ['no prototype', Object.assign(Object.create(null), { x: 1 })],
  ['a text in disguise', { toString: () => '10.0.0.0/8', length: 10 }],
  ['what JSON may hold', JSON.parse('{"__proto__":{"name":"x"},"constructor":1}')],
]

function ownEntry(): unknown[] {
  const list: unknown[] = []
  list.push(list)
  return list
}

const ARGUMENTS: readonly (readonly [string, (value: never) => unknown])[] = [
  ['trustedProxies(ranges)', trustedProxies],
  ['trustedHops(hops)', trustedHops],
  ['singleHeader(name)', (name: never) => singleHeader(name, { from: ['private'] })],
  ['CidrSet(ranges)', (ranges: never) => new CidrSet(ranges)],
  ['CidrSet([range])', (range: never) => new CidrSet([range])],
  ['provideIdentity(find)', provideIdentity],
  ['EventBus(logger)', (logger: never) => new EventBus(logger)],
  ['pipeline(options)', pipeline],
  ['pipeline().use(middleware)', (one: never) => pipeline().use(one)],
  ['events.on(pattern)', (pattern: never) => pipeline().events.on(pattern, () => {})],
  ['events.on(name, listener)', (listener: never) => pipeline().events.on('request:end', listener)],
  ['cors({ origin: [one] })', (one: never) => cors({ origin: [one] })],
  [
    'adminApi(options)',
    (options: never) => adminApi('anyAdmin', options, { '/': { GET: () => fail() as never } }),
  ],
]

describe.each(ARGUMENTS)('%s', (_name, build) => {
  it.each(HOSTILE)(
    'given %s, when it is built, then it is a ConfigError, short and on one line',
    (_, value) => {
      let thrown: unknown
      try {
        build(value as never)
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(ConfigError)
      expect((thrown as ConfigError).message.length).toBeLessThan(600)
      expect((thrown as ConfigError).message).not.toMatch(/[\x00-\x1f]/)
    },
  )
})

describe('what reads text that strangers write', () => {
  const huge = ['1', ':', '.', '/', 'f', '0.', '::', '%', '1.1.1.1/', '\0'].map(one => one.repeat(1_000_000))

  it.each([
    ['canonicalIp', canonicalIp],
    ['canonicalCidr', canonicalCidr],
    ['clientKey', clientKey],
    ['networkOf', (text: string) => networkOf(text, 8)],
    ['parseDuration', parseDuration],
  ])('given megabytes of nothing, when %s reads them, then it is nothing', (_, read) => {
    for (const text of huge) expect(read(text)).toBeUndefined()
  })

  it('given megabytes of a path, when it is read, then it is refused or itself', () => {
    for (const text of huge) expect([undefined, `/${text}`]).toContain(routingPath(`/${text}`))
  })
})

describe('a prototype that somebody polluted', () => {
  it('given options of all factories on it, when pipelines are built and run, then they have their defaults', async () => {
    const polluted = {
      mode: 'shadow',
      header: 'Set-Cookie',
      origin: '*',
      credentials: true,
      production: false,
    }
    Object.assign(Object.prototype, polluted)
    let headers: unknown
    let refused: unknown
    try {
      const { requestId, securityHeaders } = await import('../../src/index.js')
      const edge = pipeline({ logger: memoryLogger() }).use(requestId({})).use(securityHeaders({}))
      headers = Object.keys((await inject(edge, { headers: {} })).headers)
      refused = messageOf(() => cors({} as never))
    } finally {
      for (const name of Object.keys(polluted)) delete (Object.prototype as Record<string, unknown>)[name]
    }
    expect(headers).toContain('x-request-id')
    expect(headers).not.toContain('set-cookie')
    expect(refused).toContain('option "origin" is missing')
  })
})

function messageOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return (error as Error).message
  }
  return ''
}
