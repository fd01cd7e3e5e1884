import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { renderText } from '../src/exposition/text.js'
import { metrics } from '../src/index.js'
import type { Sample } from '../src/series/metric.js'
import { Registry } from '../src/series/registry.js'
import { samplesOf, stand } from './support/stand.js'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const registry = (maxSeries = 2000, prefix = '') => new Registry({ maxSeries, prefix })

describe('the text format', () => {
  it('given a counter, a gauge and a histogram, then the text is exactly this', async () => {
    const all = registry(2000, 'shop_')
    const orders = all.counter({ name: 'orders_total', help: 'Orders.', labels: ['country', 'kind'] })
    orders.inc({ country: 'de', kind: 'new' })
    orders.inc({ country: 'de', kind: 'new' }, 2.5)
    orders.inc({ country: 'at' })
    orders.inc({})
    all.gauge({ name: 'queue', help: 'Waiting.' }).set(-1.5)
    const sizes = all.histogram({ name: 'size', help: 'Sizes.', buckets: [0.5, 1, 10], labels: ['kind'] })
    for (const size of [0.5, 0.6, 1, 2, 11]) sizes.observe({ kind: 'a' }, size)
    expect(await renderText(all.all(), quiet)).toBe(
      [
        '# HELP shop_orders_total Orders.',
        '# TYPE shop_orders_total counter',
        'shop_orders_total{country="de",kind="new"} 3.5',
        'shop_orders_total{country="at"} 1',
        'shop_orders_total 1',
        '# HELP shop_queue Waiting.',
        '# TYPE shop_queue gauge',
        'shop_queue -1.5',
        '# HELP shop_size Sizes.',
        '# TYPE shop_size histogram',
        'shop_size_bucket{kind="a",le="0.5"} 1',
        'shop_size_bucket{kind="a",le="1"} 3',
        'shop_size_bucket{kind="a",le="10"} 4',
        'shop_size_bucket{kind="a",le="+Inf"} 5',
        'shop_size_sum{kind="a"} 15.1',
        'shop_size_count{kind="a"} 5',
        '',
      ].join('\n'),
    )
  })

  it.each([
    ['a quote', 'a"b', 'a\\"b'],
    ['a backslash', 'a\\b', 'a\\\\b'],
    ['a line feed', 'a\nb', 'a\\nb'],
    ['a forged line', '"} 1\nforged_total 9', '\\"} 1\\nforged_total 9'],
    ['braces and commas', '{a,b="c"}', '{a,b=\\"c\\"}'],
    ['text in other scripts', 'größe 大きさ', 'größe 大きさ'],
    ['half a character', 'a\ud800', 'a\ufffd'],
    ['250 characters', 'x'.repeat(250), 'x'.repeat(200)],
    ['a character cut in the middle', `${'x'.repeat(199)}😀`, `${'x'.repeat(199)}\ufffd`],
  ])('given %s in a label value, then it stays one value of one line', async (_what, given, shown) => {
    const all = registry()
    all.counter({ name: 'a_total', help: 'A.', labels: ['l'] }).inc({ l: given })
    const text = await renderText(all.all(), quiet)
    expect(text).toBe(`# HELP a_total A.\n# TYPE a_total counter\na_total{l="${shown}"} 1\n`)
  })

  it('given two values that are sent alike, then they are one series', async () => {
    const all = registry()
    const counter = all.counter({ name: 'a_total', help: 'A.', labels: ['l'] })
    for (const l of ['a\ud800', 'a\ud801', 'a\ufffd']) counter.inc({ l })
    expect(samplesOf(await renderText(all.all(), quiet))).toEqual(new Map([['a_total{l="a\ufffd"}', '3']]))
  })

  it('given a help text with a backslash and a line feed, then both are escaped, and quotes are not', async () => {
    const all = registry()
    all.gauge({ name: 'a', help: 'one\\two\n"three"' })
    expect(await renderText(all.all(), quiet)).toContain('# HELP a one\\\\two\\n"three"\n')
  })

  it.each([
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
    [Number.NaN, 'NaN'],
    [1e21, '1e+21'],
    [0.1, '0.1'],
    [12345678901234, '12345678901234'],
  ])('given the value %s, then it is written as %s', async (value, shown) => {
    const all = registry()
    all.gauge({ name: 'a', help: 'A.' }).set(value)
    expect(await renderText(all.all(), quiet)).toContain(`\na ${shown}\n`)
  })

  it('given a gauge that cannot be asked, then its last value is shown and the fault is logged', async () => {
    const { metrics: own, logs } = stand()
    let broken = false
    own.gauge({
      name: 'level',
      help: 'L.',
      collect: gauge => {
        if (broken) throw new Error('gone')
        gauge.set(7)
      },
    })
    expect(samplesOf(await own.text()).get('level')).toBe('7')
    broken = true
    expect(samplesOf(await own.text()).get('level')).toBe('7')
    expect(logs).toMatchObject([{ level: 'warn', fields: { metric: 'level' } }])
  })
})

it('given a gauge that is asked by a promise, when that is rejected, then nobody is harmed, the fault is logged, and what it sets later is in the next text', async () => {
  const { metrics: own, logs } = stand()
  const unhandled: unknown[] = []
  const onUnhandled = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', onUnhandled)
  let broken = false
  own.gauge({
    name: 'level',
    help: 'L.',
    collect: async gauge => {
      await Promise.resolve()
      if (broken) throw new Error('gone')
      gauge.set(7)
    },
  })
  await own.text()
  expect(samplesOf(await own.text()).get('level')).toBe('7')
  broken = true
  expect(samplesOf(await own.text()).get('level')).toBe('7')
  for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve))
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
  expect(logs).toMatchObject([{ level: 'warn', fields: { metric: 'level', err: { message: 'gone' } } }])
})

describe('rendering', () => {
  it('given a render under way, when others ask, then all get that one', async () => {
    const { metrics: own } = stand()
    let asked = 0
    own.gauge({ name: 'a', help: 'A.', collect: () => void asked++ })
    const texts = await Promise.all([own.text(), own.text(), own.text()])
    expect(new Set(texts).size).toBe(1)
    expect(asked).toBe(1)
    await own.text()
    expect(asked).toBe(2)
  })

  it('given more than 500 lines, then others get their turn after each 500', async () => {
    const one: Iterable<Sample> = [['', [], 1]]
    let turns = 0
    let done = false
    const others = () => {
      turns++
      if (!done) setImmediate(others)
    }
    setImmediate(others)
    const seen: number[] = []
    function* collect() {
      for (let i = 0; i < 2000; i++) {
        seen.push(turns)
        yield one
      }
    }
    await renderText([{ name: 'a', help: 'A.', type: 'gauge', collect }], quiet)
    done = true
    // Within 500 lines no other code ran; between them other code did.
    expect(seen[0]).toBe(seen[499])
    expect(seen[500]).toBeGreaterThan(seen[499] as number)
    expect(seen[500]).toBe(seen[999])
    expect(seen[1500]).toBeGreaterThan(seen[999] as number)
  })

  it('given no pipeline was compiled, then it says so', async () => {
    await expect(metrics().text()).rejects.toThrow(/not compiled yet/)
    expect(() => metrics().json()).toThrow(/not compiled yet/)
  })
})

const promtool = spawnSync('promtool', ['--version']).error === undefined

describe('promtool', () => {
  it('given everything that is exposed, then it has nothing to say', async ctx => {
    ctx.skip(!promtool, 'promtool is not on the PATH (Debian: prometheus)')
    const { metrics: own, send, events } = stand({ process: true, prefix: 'api_gateway_' })
    for (const status of [200, 404, 500]) await send({ route: '/orders/:id', status, ms: 30 })
    await send({ method: 'POST', route: '/orders', headers: { 'content-length': '2000' } })
    await send({ abort: true })
    events.emit('user:created', { subject: 'u' })
    own.counter({ name: 'orders_total', help: 'Orders.', labels: ['kind'] }).inc({ kind: 'a"\n\\' })
    own.histogram({ name: 'basket_items', help: 'Items.', buckets: [1, 10] }).observe(3)
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await own.text(),
      encoding: 'utf8',
    })
    expect([status, stdout, stderr]).toEqual([0, '', ''])
  })
})
