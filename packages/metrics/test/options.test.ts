import { ConfigError } from '@palisade/core'
import { describe, expect, it } from 'vitest'
import { accessLog, metrics, traceContext } from '../src/index.js'

const error = (build: () => unknown): ConfigError => {
  try {
    build()
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown
    throw thrown
  }
  throw new Error('nothing was refused')
}

type Wrong = readonly [options: object, option: string, allowed: RegExp]

describe('metrics()', () => {
  it.each<Wrong>([
    [{ pth: '/m' }, 'pth', /did you mean "path"/],
    [{ Prefix: 'a' }, 'Prefix', /did you mean "prefix"/],
    [{ maxroutes: 1 }, 'maxroutes', /did you mean "maxRoutes"/],
    [{ path: 'metrics' }, 'path', /path such as/],
    [{ path: '/' }, 'path', /path such as/],
    [{ path: '/a/' }, 'path', /path such as/],
    [{ path: '/a?b' }, 'path', /path such as/],
    [{ path: true }, 'path', /path such as/],
    [{ path: `/${'a'.repeat(195)}` }, 'path', /path such as/],
    [{ access: 'pubic' }, 'access', /did you mean "public"/],
    [{ authorize: true }, 'authorize', /guard/],
    [{ prefix: '1a' }, 'prefix', /letters/],
    [{ prefix: 'a-b' }, 'prefix', /letters/],
    [{ prefix: '' }, 'prefix', /letters/],
    [{ labels: { methd: 'x' } }, 'labels.methd', /did you mean "method"/],
    [{ labels: { method: '__m' } }, 'labels.method', /not beginning with/],
    [{ labels: { route: 'le' } }, 'labels.route', /not "le"/],
    [{ labels: { status: 'a b' } }, 'labels.status', /letters/],
    [{ labels: { method: 'route' } }, 'labels', /three names that differ/],
    [{ labels: null }, 'labels', /an object/],
    [{ buckets: [] }, 'buckets', /array of 1 to 100/],
    [{ buckets: [2, 1] }, 'buckets', /ascending/],
    [{ buckets: [1, 1] }, 'buckets', /ascending/],
    [{ buckets: [1, Number.POSITIVE_INFINITY] }, 'buckets[1]', /finite/],
    [{ buckets: ['1'] }, 'buckets[0]', /finite/],
    [{ buckets: Array.from({ length: 101 }, (_, i) => i) }, 'buckets', /array of 1 to 100/],
    [{ maxRoutes: 0 }, 'maxRoutes', /from 1/],
    [{ maxRoutes: 1.5 }, 'maxRoutes', /whole number/],
    [{ maxSeries: 9 }, 'maxSeries', /from 10/],
    [{ maxSeries: '2000' }, 'maxSeries', /whole number/],
    [{ resetInterval: 999 }, 'resetInterval', /from 1s/],
    [{ resetInterval: '5 min' }, 'resetInterval', /duration/],
    [{ resetInterval: true }, 'resetInterval', /duration/],
    [{ process: 1 }, 'process', /true, false/],
    [[], '', /an object/],
  ])('given %j, then it names %s', (options, option, allowed) => {
    const { owner, option: named, message } = error(() => metrics(options))
    expect([owner, named]).toEqual(['metrics', option])
    expect(message).toMatch(allowed)
  })

  it('given every option, then it is taken', () => {
    const options = {
      path: '/internal/m.etrics',
      access: 'public',
      authorize: () => true,
      prefix: 'api_gateway_',
      labels: { method: 'verb', route: 'path', status: 'code' },
      buckets: [0.1],
      maxRoutes: 1,
      maxSeries: 10,
      resetInterval: '5m',
      process: true,
    } as const
    expect(metrics(options).name).toBe('metrics')
  })
})

describe("a team's own series", () => {
  const help = 'Help.'
  it.each<[kind: 'counter' | 'gauge' | 'histogram', ...Wrong]>([
    ['counter', { name: 'orders', help }, 'name', /ending in "_total"/],
    ['counter', { name: '1_total', help }, 'name', /letters/],
    ['counter', { name: 'a-b_total', help }, 'name', /letters/],
    ['counter', { name: 'a_total', help: '' }, 'help', /sentence/],
    ['counter', { name: 'a_total' }, 'help', /sentence/],
    ['counter', { name: 'a_total', hlep: 'x', help }, 'hlep', /did you mean "help"/],
    ['counter', { name: 'a_total', help, labels: 'a' }, 'labels', /array/],
    ['counter', { name: 'a_total', help, labels: ['a', 'a'] }, 'labels', /differ/],
    ['counter', { name: 'a_total', help, labels: ['__a'] }, 'labels[0]', /not beginning/],
    ['counter', { name: 'a_total', help, labels: ['a', 'b-c'] }, 'labels[1]', /letters/],
    ['counter', { name: 'a_total', help, labels: [...'abcdefghijk'] }, 'labels', /0 to 10/],
    ['gauge', { name: 'a b', help }, 'name', /letters/],
    ['gauge', { name: 'a', help, collect: 1 }, 'collect', /function/],
    ['gauge', { name: 'a'.repeat(101), help }, 'name', /letters/],
    ['histogram', { name: 'a', help, labels: ['le'] }, 'labels[0]', /not "le"/],
    ['histogram', { name: 'a', help, buckets: [1, 0] }, 'buckets', /ascending/],
    ['histogram', { name: 'a', help, bucket: [1] }, 'bucket', /did you mean "buckets"/],
    ['histogram', undefined as never, 'name', /letters/],
  ])('given %s(%j), then it names %s', (kind, options, option, allowed) => {
    const { owner, option: named, message } = error(() => metrics()[kind](options as never))
    expect([owner, named]).toEqual([`metrics.${kind}`, option])
    expect(message).toMatch(allowed)
  })

  it.each(['a_bucket', 'a_sum', 'a_count', 'a'])('given a histogram "a", then nothing else is "%s"', name => {
    const own = metrics()
    own.histogram({ name: 'a', help })
    expect(error(() => own.gauge({ name, help })).message).toMatch(/not taken/)
    const other = metrics()
    other.gauge({ name, help })
    expect(error(() => other.histogram({ name: 'a', help })).message).toMatch(/not taken/)
  })
})

describe('accessLog() and traceContext()', () => {
  it.each<Wrong>([
    [{ loger: console }, 'loger', /did you mean "logger"/],
    [{ logger: {} }, 'logger', /pino/],
    [{ logger: null }, 'logger', /pino/],
    [{ headers: 'user-agent' }, 'headers', /array/],
    [{ headers: ['user agent'] }, 'headers[0]', /field name/],
    [{ headers: ['x-a', 'Authorization'] }, 'headers[1]', /no credential/],
    ...[
      'authorization',
      'Proxy-Authorization',
      'cookie',
      'X-API-Key',
      'api-key',
      'x-auth-token',
      'x-access-token',
      'X-CSRF-Token',
      'x-xsrf-token',
    ].map((name): Wrong => [{ headers: [name] }, 'headers[0]', /no credential/]),
  ])('given accessLog(%j), then it names %s', (options, option, allowed) => {
    const { owner, option: named, message } = error(() => accessLog(options))
    expect([owner, named]).toEqual(['accessLog', option])
    expect(message).toMatch(allowed)
  })

  it('given traceContext() with an unknown option, then it is refused', () => {
    expect(error(() => traceContext({ sample: true } as never)).message).toMatch(/did you mean "sampled"/)
  })
})
