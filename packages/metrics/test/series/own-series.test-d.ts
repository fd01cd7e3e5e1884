import { describe, it } from 'vitest'
import { metrics } from '../../src/index.js'

const help = 'Help.'
const counted = metrics()

describe("a team's own series", () => {
  it('take their labels first', () => {
    const counter = counted.counter({ name: 'a_total', help, labels: ['kind', 'place'] })
    counter.inc({ kind: 'x' })
    counter.inc({ kind: 'x', place: 'y' }, 2)
    // @ts-expect-error the value behind the labels
    counter.inc(2, { kind: 'x' })
    // @ts-expect-error a counter with labels needs them
    counter.inc()
    // @ts-expect-error there is no such label
    counter.inc({ knid: 'x' })
    const gauge = counted.gauge({
      name: 'b',
      help,
      labels: ['kind'],
      collect: own => own.set({ kind: 'x' }, 1),
    })
    gauge.dec({ kind: 'x' })
    // @ts-expect-error a level must be given
    gauge.set({ kind: 'x' })
    // @ts-expect-error the value behind the labels
    counted.histogram({ name: 'c', help, labels: ['kind'] }).observe(1, { kind: 'x' })
  })

  it('take the value alone where they have no labels', () => {
    const counter = counted.counter({ name: 'd_total', help })
    counter.inc()
    counter.inc(2)
    const gauge = counted.gauge({ name: 'e', help, collect: own => own.set(1) })
    gauge.set(1)
    gauge.inc()
    counted.histogram({ name: 'f', help }).observe(1)
    // @ts-expect-error there are no labels
    gauge.set({ kind: 'x' }, 1)
  })
})
