import { describe, expect, it } from 'vitest'
import { samplesOf, stand } from '../support/stand.js'

const help = 'Help.'

/** A metric as plain JavaScript sees it: it may be called in any way. */
type Untyped = Record<'inc' | 'dec' | 'set' | 'observe', (...given: unknown[]) => void>
const untyped = (metric: object) => metric as Untyped

describe("a team's own series", () => {
  it('given they are made before the pipeline is compiled or after, then they are exposed, with the prefix', async () => {
    const { metrics } = stand({ prefix: 'shop_' })
    metrics.counter({ name: 'orders_total', help }).inc()
    const queue = metrics.gauge({ name: 'queue', help, labels: ['name'] })
    queue.set({ name: 'mail' }, 5)
    queue.inc({ name: 'mail' }, 2)
    queue.dec({ name: 'mail' })
    metrics.histogram({ name: 'items', help, buckets: [1] }).observe(2)
    const samples = samplesOf(await metrics.text())
    expect(samples.get('shop_orders_total')).toBe('1')
    expect(samples.get('shop_queue{name="mail"}')).toBe('6')
    expect(samples.get('shop_items_bucket{le="+Inf"}')).toBe('1')
  })

  it('given a metric without labels, when nothing was counted, then it is 0 and there, whatever the budget', async () => {
    const { metrics, events } = stand({ maxSeries: 10 })
    for (let i = 0; i < 20; i++)
      events.emit('security:violation', { source: `s${i}`, weight: 1, key: 'k', bannable: true })
    const late = metrics.counter({ name: 'late_total', help })
    expect(samplesOf(await metrics.text()).get('late_total')).toBe('0')
    late.inc()
    late.inc()
    const samples = samplesOf(await metrics.text())
    expect(samples.get('late_total')).toBe('2')
    expect(samples.get('metrics_series_dropped_total')).toBe('10')
  })

  it('given more values than the budget holds, then those of all labels go to one series', async () => {
    const { metrics } = stand({ maxSeries: 10 })
    const counter = metrics.counter({ name: 'a_total', help, labels: ['x', 'y'] })
    for (let i = 0; i < 1000; i++) counter.inc({ x: `x${i}`, y: `y${i}` })
    counter.inc({ x: 'x0', y: 'y0' })
    const samples = [...samplesOf(await metrics.text())].filter(([name]) => name.startsWith('a_total'))
    expect(samples).toHaveLength(11)
    expect(samples).toContainEqual(['a_total{x="_overflow",y="_overflow"}', '990'])
    expect(samples).toContainEqual(['a_total{x="x0",y="y0"}', '2'])
  })

  it('given values that would join to the same text, then they are two series', async () => {
    const { metrics } = stand()
    const counter = metrics.counter({ name: 'a_total', help, labels: ['x', 'y'] })
    counter.inc({ x: 'a,b', y: 'c' })
    counter.inc({ x: 'a', y: 'b,c' })
    expect([...samplesOf(await metrics.text())].filter(([name]) => name.startsWith('a_total'))).toHaveLength(
      2,
    )
  })

  it('given labels in any order, or some left out, then what says the same is one series', async () => {
    const { metrics } = stand()
    const counter = metrics.counter({ name: 'a_total', help, labels: ['x', 'y'] })
    for (const labels of [{ x: '1', y: '2' }, { y: '2', x: '1' }, { x: '1' }, { x: '1', y: '' }, { y: '2' }])
      counter.inc(labels)
    const samples = samplesOf(await metrics.text())
    expect([...samples].filter(([name]) => name.startsWith('a_total'))).toEqual([
      ['a_total{x="1",y="2"}', '2'],
      ['a_total{x="1"}', '2'],
      ['a_total{y="2"}', '1'],
    ])
  })

  it('given values that are no text, then they are their text', async () => {
    const { metrics } = stand()
    const counter = metrics.counter({ name: 'a_total', help, labels: ['x'] })
    for (const x of [1, '1', null, undefined, '']) counter.inc({ x: x as string })
    const samples = samplesOf(await metrics.text())
    expect([samples.get('a_total{x="1"}'), samples.get('a_total')]).toEqual(['2', '3'])
  })

  it('given a label that it does not have, then it throws and counts nothing', async () => {
    const { metrics } = stand()
    const counter = metrics.counter({ name: 'a_total', help, labels: ['kind'] })
    const plain = metrics.gauge({ name: 'b', help })
    expect(() => counter.inc({ knid: 'x' } as never)).toThrow(/no label "knid"; allowed: kind/)
    expect(() => untyped(plain).set({ kind: 'x' }, 1)).toThrow(/allowed: none/)
    expect(samplesOf(await metrics.text()).has('a_total')).toBe(false)
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '1', null])(
    'given a counter, when it would grow by %s, then it throws',
    by => {
      const counter = stand().metrics.counter({ name: 'a_total', help })
      expect(() => counter.inc(by as number)).toThrow(RangeError)
    },
  )

  it('given a gauge or a histogram, when it is given what is no number, then it throws', () => {
    const { metrics } = stand()
    const gauge = metrics.gauge({ name: 'a', help })
    const histogram = metrics.histogram({ name: 'b', help })
    for (const change of [
      () => gauge.set('1' as never),
      () => untyped(gauge).inc({}, null),
      () => gauge.dec('1' as never),
      () => histogram.observe('1' as never),
      () => histogram.observe(Number.NaN),
    ])
      expect(change).toThrow(RangeError)
  })

  it('given a metric without labels, then the value may stand alone or behind no labels', async () => {
    const { metrics } = stand()
    const counter = metrics.counter({ name: 'a_total', help })
    const gauge = metrics.gauge({ name: 'b', help })
    counter.inc(2)
    untyped(counter).inc({}, 3)
    untyped(counter).inc(undefined, 4)
    gauge.set(7)
    gauge.inc(5)
    gauge.dec(2)
    const samples = samplesOf(await metrics.text())
    expect([samples.get('a_total'), samples.get('b')]).toEqual(['9', '10'])
  })

  it('given the value in front of the labels, then it throws, says the order, and counts nothing', async () => {
    const { metrics } = stand()
    const counter = metrics.counter({ name: 'a_total', help, labels: ['kind'] })
    const gauge = metrics.gauge({ name: 'b', help, labels: ['kind', 'place'] })
    const histogram = metrics.histogram({ name: 'c', help, labels: ['kind'] })
    const plain = metrics.gauge({ name: 'd', help })
    const errors = [
      () => untyped(counter).inc(1, { kind: 'x' }),
      () => untyped(counter).inc(1),
      () => untyped(gauge).set(1, { kind: 'x' }),
      () => untyped(gauge).dec('x', 1),
      () => untyped(histogram).observe(1, { kind: 'x' }),
      () => untyped(plain).set(1, {}),
    ].map(thrownBy)
    expect(errors).toEqual([
      new TypeError('a_total: inc(number, object); allowed: inc(labels, value) with the labels kind'),
      new TypeError('a_total: inc(number, undefined); allowed: inc(labels, value) with the labels kind'),
      new TypeError('b: set(number, object); allowed: set(labels, value) with the labels kind, place'),
      new TypeError('b: dec(string, number); allowed: dec(labels, value) with the labels kind, place'),
      new TypeError('c: observe(number, object); allowed: observe(labels, value) with the labels kind'),
      new TypeError('d: set(number, object); allowed: set(value), as it has no labels'),
    ])
    expect([...samplesOf(await metrics.text()).keys()].filter(name => /^[abc](_|\{|$)/.test(name))).toEqual(
      [],
    )
  })
})

function thrownBy(act: () => void): unknown {
  try {
    return act()
  } catch (error) {
    return error
  }
}
