/**
 * What clients, neighbours and careless code throw at the counts: they stay bounded, well formed
 * and true.
 */
import { ConfigError, EventBus, pipeline, Reply } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { describe, expect, it } from 'vitest'
import { metrics } from '../src/index.js'
import { samplesOf, stand } from './support/stand.js'

const help = 'Help.'
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** A line of the format 0.0.4: a name, labels whose values are escaped, a number. */
const LINE =
  /^[a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*")*\})? (?:[+-]Inf|NaN|-?[\d.e+-]+)$/

function expectWellFormed(text: string): void {
  expect(text.endsWith('\n')).toBe(true)
  const seen = new Set<string>()
  for (const line of text.slice(0, -1).split('\n')) {
    if (!line.startsWith('# ')) expect(line).toMatch(LINE)
    // A series or a type that is told twice makes Prometheus drop the whole scrape.
    const key = line.startsWith('#')
      ? line.split(' ').slice(0, 3).join(' ')
      : line.slice(0, line.lastIndexOf(' '))
    expect(seen.has(key), key).toBe(false)
    seen.add(key)
  }
}

/** Of each histogram series, that its buckets ascend and the last one is the count. */
function expectConsistent(text: string): void {
  const samples = samplesOf(text)
  for (const [series, count] of samples) {
    const [, name, labels] = /^(\w+)_count(?:\{(.*)\})?$/.exec(series) ?? []
    if (name === undefined) continue
    const start = labels === undefined ? `${name}_bucket{le=` : `${name}_bucket{${labels},le=`
    const buckets = [...samples].filter(([one]) => one.startsWith(start)).map(([, value]) => Number(value))
    expect(buckets, series).toEqual([...buckets].sort((a, b) => a - b))
    expect(buckets.at(-1), series).toBe(Number(count))
  }
}

describe('clients that invent methods', () => {
  it('given names of every kind, then all are one label, and none is kept', async () => {
    const { metrics: own, send } = stand()
    const names = [
      '__proto__',
      'constructor',
      'toString',
      'get',
      ' GET',
      'GET ',
      'GEТ',
      '_overflow',
      '"}\n',
      '',
    ]
    for (const method of [...names, 'X'.repeat(100_000)]) await send({ method, route: '/a' })
    for (let i = 0; i < 1000; i++) await send({ method: `M${i}`, route: '/a' })
    const text = await own.text()
    expectWellFormed(text)
    expect([...samplesOf(text)].filter(([series]) => series.startsWith('http_requests_total'))).toEqual([
      ['http_requests_total{method="_OTHER",route="/a",status="200"}', '1011'],
    ])
    expect(own.json().requests.byMethod).toEqual({ _OTHER: 1011 })
  })
})

describe('errors and strategies that name themselves', () => {
  it('given names without end, of no type, or that cannot be read, then the counters stay bounded and well formed', async () => {
    const { metrics: own, events } = stand({ maxSeries: 40 })
    const facts = { requestId: 'r', method: 'GET', path: '/', by: undefined }
    const names: unknown[] = [Symbol('s'), 7, null, undefined, {}, '"}\n', '\\', 'x'.repeat(1e6)]
    for (const name of names)
      events.emit('request:error', { ...facts, error: Object.assign(new Error(), { name }) })
    const unreadable = new Error()
    Object.defineProperty(unreadable, 'name', {
      get: () => {
        throw new Error('no')
      },
    })
    events.emit('request:error', { ...facts, error: unreadable })
    for (let i = 0; i < 1000; i++)
      events.emit('request:error', { ...facts, error: Object.assign(new Error(), { name: `E${i}` }) })
    const text = await own.text()
    expectWellFormed(text)
    const series = [...samplesOf(text)].filter(([name]) => name.startsWith('http_request_errors_total'))
    expect(series.length).toBeLessThanOrEqual(41)
    expect(Math.max(...series.map(([name]) => name.length))).toBeLessThan(300)
    expect(Object.keys(own.json().errors.byType).length).toBeLessThanOrEqual(101)
  })

  it('given labels that every object has, then they are the label and not what the object has', async () => {
    const { metrics: own } = stand()
    const counter = own.counter({ name: 'a_total', help, labels: ['constructor', 'toString'] })
    counter.inc(Object.create(null))
    counter.inc({ toString: 'b' } as never)
    counter.inc({ constructor: 'a', toString: 'b' } as never)
    const series = [...samplesOf(await own.text())].filter(([name]) => name.startsWith('a_total'))
    expect(series.map(([name]) => name)).toEqual([
      'a_total',
      'a_total{toString="b"}',
      'a_total{constructor="a",toString="b"}',
    ])
  })
})

describe('a scrape under load', () => {
  it('given requests that end and routes that appear while it is written, then it is whole, and each histogram of one moment', async () => {
    const { metrics: own, send } = stand({ maxSeries: 400 })
    for (let i = 0; i < 150; i++) await send({ route: `/r${i}`, ms: i })
    let done = false
    const load = (async () => {
      let sent = 0
      while (!done) {
        await send({ route: `/r${sent % 300}`, status: sent % 7 === 0 ? 500 : 200, ms: sent % 40 })
        if (++sent % 20 === 0) await new Promise(resolve => setImmediate(resolve))
      }
      return sent
    })()
    const texts = [await own.text(), await own.text(), await own.text()]
    done = true
    const sent = await load
    expect(sent).toBeGreaterThan(100)
    for (const text of texts) {
      expectWellFormed(text)
      expectConsistent(text)
    }
    const last = await own.text()
    expectWellFormed(last)
    const total = [...samplesOf(last)]
      .filter(([series]) => series.startsWith('http_requests_total{'))
      .reduce((sum, [, value]) => sum + Number(value), 0)
    expect(total).toBe(150 + sent)
    expect(own.json().requests).toMatchObject({ total: 150 + sent, inFlight: 0 })
  })

  it('given a hundred scrapers at once, then one exposition is made, and all get it', async () => {
    const { metrics: own, visit } = stand()
    let made = 0
    own.gauge({ name: 'asked', help, collect: () => void made++ })
    const answers = await Promise.all(Array.from({ length: 100 }, () => visit('/metrics')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(made).toBe(1)
  })

  it('given a render that fails, then the next one is made anew', async () => {
    const { metrics: own } = stand()
    const gauge = own.gauge({ name: 'level', help, labels: ['x'] })
    gauge.set({ x: 'a' }, 1)
    let broken = true
    const collect = gauge.collect.bind(gauge)
    gauge.collect = () => {
      if (broken) throw new Error('no')
      return collect()
    }
    await expect(own.text()).rejects.toThrow('no')
    broken = false
    expect(samplesOf(await own.text()).get('level{x="a"}')).toBe('1')
  })
})

describe('two of them in one process', () => {
  it('given two pipelines, then each counts its own, under the same names', async () => {
    const [a, b] = [stand(), stand({ prefix: 'b_' })]
    await a.send({ route: '/a' })
    a.events.emit('user:created', { subject: 'u' })
    expect(samplesOf(await a.metrics.text()).get('users_created_total')).toBe('1')
    const other = samplesOf(await b.metrics.text())
    expect(other.get('b_users_created_total')).toBe('0')
    expect([...other.keys()].some(series => series.includes('route="/a"'))).toBe(false)
  })

  it('given both in one pipeline, then both count every request and event, and each is served at its path', async () => {
    const inner = metrics({ path: '/inner', access: 'public' })
    const { visit, send, events } = stand({ access: 'public' }, { behind: [inner] })
    await send({ route: '/a' })
    events.emit('user:created', { subject: 'u' })
    for (const path of ['/metrics', '/inner']) {
      const samples = samplesOf((await visit(path)).body)
      expect(samples.get('http_requests_total{method="GET",route="/a",status="200"}')).toBe('1')
      expect(samples.get('users_created_total')).toBe('1')
    }
  })

  it('given two pipelines on one bus, then both hear its events, and one that is disposed no more', async () => {
    const events = new EventBus(quiet)
    const [a, b] = [stand({}, { events }), stand({}, { events })]
    events.emit('user:created', { subject: 'u' })
    await a.edge.dispose()
    events.emit('user:created', { subject: 'u' })
    expect(samplesOf(await a.metrics.text()).get('users_created_total')).toBe('1')
    expect(samplesOf(await b.metrics.text()).get('users_created_total')).toBe('2')
  })
})

describe('disposed of', () => {
  it("given the team's own series are used on, then nothing throws, and the last counts can be read", async () => {
    const { metrics: own, edge, send } = stand()
    const counter = own.counter({ name: 'a_total', help })
    await send({ route: '/a' })
    await edge.dispose()
    await edge.dispose()
    counter.inc()
    const samples = samplesOf(await own.text())
    expect(samples.get('a_total')).toBe('1')
    expect(samples.get('http_requests_total{method="GET",route="/a",status="200"}')).toBe('1')
    expect(own.json().requests.total).toBe(1)
  })

  it('given a request that was under way, then it is counted when it ends', async () => {
    const { metrics: own, edge } = stand()
    let answer = (_: Reply) => {}
    const pending = inject(edge, {
      route: '/slow',
      handler: () =>
        new Promise<Reply>(resolve => {
          answer = resolve
        }),
    })
    await Promise.resolve()
    await edge.dispose()
    answer(new Reply(200))
    await pending
    const samples = samplesOf(await own.text())
    expect(samples.get('http_requests_total{method="GET",route="/slow",status="200"}')).toBe('1')
    expect(samples.get('http_requests_in_flight')).toBe('0')
  })

  it('given it is mounted anew on another pipeline, then that does not compile, and the first one counts on', async () => {
    const { metrics: own, send, events } = stand()
    const second = pipeline({ logger: quiet }).use(own)
    expect(() => second.compile()).toThrow(ConfigError)
    await second.dispose()
    await send({ route: '/a' })
    events.emit('user:created', { subject: 'u' })
    const text = await own.text()
    expect(text).toContain('http_requests_total{method="GET",route="/a",status="200"} 1\n')
    expect(text).toContain('users_created_total 1\n')
  })

  it('given it is disposed of before it was compiled, then nothing happens', async () => {
    await expect(pipeline().use(metrics()).dispose()).resolves.toBeUndefined()
  })
})
