import { ConfigError, pipeline } from '@palisade/core'
import { fakeClock, inject } from '@palisade/core/testing'
import { createLimiter, type LimitStore, memoryStore, rateLimit } from '@palisade/ratelimit'
import { describe, expect, it } from 'vitest'

const policy = { limit: 3, window: '1m' } as const
const limits = (store: LimitStore, name?: string) => rateLimit({ ...policy, store, ...(name && { name }) })
const several = (store: LimitStore) =>
  rateLimit({ policies: [{ ...policy }, { ...policy, name: 'day' }], store })

/** Each takes a store and counts in it under no name. */
const unnamed: readonly { name: string; begin: (store: LimitStore) => unknown }[] = [
  { name: 'rateLimit in a pipeline', begin: store => pipeline().use(limits(store)).compile() },
  { name: 'rateLimit of several policies', begin: store => pipeline().use(several(store)).compile() },
  { name: 'rateLimit in a branch', begin: store => pipeline().branch().use(limits(store)).compile() },
  { name: 'createLimiter', begin: store => createLimiter({ ...policy, store }) },
  {
    name: 'createLimiter of several policies',
    begin: store =>
      createLimiter({ policies: [policy, { ...policy, name: 'day 2'.replace(' ', '-') }], store }),
  },
]

describe('two limiters without names in one store', () => {
  for (const first of unnamed) {
    it.each(unnamed)(`${first.name}, then $name: refused, with the remedy`, ({ begin }) => {
      const store = memoryStore()
      first.begin(store)
      expect(() => begin(store)).toThrow(ConfigError)
      expect(() => begin(store)).toThrow(/option "name" is "default"; allowed: a name that no other/)
      expect(() => begin(memoryStore())).not.toThrow()
    })
  }

  it('given names, then what two pipelines count under one name is shared', async () => {
    const store = memoryStore()
    const clock = fakeClock()
    const edges = [1, 2].map(() => pipeline({ clock }).use(limits(store, 'shared')))
    const statuses: number[] = []
    for (let i = 0; i < 4; i++) statuses.push((await inject(edges[i % 2] as never)).status)
    expect(statuses).toEqual([200, 200, 200, 429])
  })

  it('one limiter in two branches, in two pipelines, and in one that is compiled twice, is one limiter', () => {
    const both = limits(memoryStore())
    const edge = pipeline()
    const one = edge.branch().use(both)
    expect(() => [one.compile(), one.compile(), edge.branch().use(both).compile()]).not.toThrow()
    expect(() => pipeline().use(both).compile()).not.toThrow()
  })

  it('when the last pipeline of a limiter is disposed of, then another limiter may count there', async () => {
    const store = memoryStore()
    const both = limits(store)
    const [one, two] = [pipeline().use(both), pipeline().use(both)]
    one.compile()
    two.compile()
    await one.dispose()
    expect(() => pipeline().use(limits(store)).compile()).toThrow(ConfigError)
    await two.dispose()
    expect(() => pipeline().use(limits(store)).compile()).not.toThrow()
  })

  it('given a limiter that was refused for one of its names, then it holds none of them, and none in its store', () => {
    const store = memoryStore()
    const edge = pipeline()
    edge.branch().use(limits(store, 'day')).compile()
    const refused = edge.branch().use(several(store))
    expect(() => refused.compile()).toThrow(/option "name" is "day"/)
    expect(() => edge.branch().use(limits(store)).compile()).not.toThrow()
  })

  it('a branch that is rebuilt may count under the name of the one that it replaces', async () => {
    const store = memoryStore()
    const edge = pipeline()
    for (const name of [undefined, 'named']) {
      const before = edge.branch().use(limits(store, name))
      before.compile()
      await before.dispose()
      const after = edge.branch().use(limits(store, name))
      expect(() => after.compile()).not.toThrow()
      await after.dispose()
    }
  })

  it('a frozen store of a team is left as it is', () => {
    const inner = memoryStore()
    const store: LimitStore = Object.freeze({ open: inner.open.bind(inner) })
    expect(() => pipeline().use(limits(store)).compile()).not.toThrow()
  })

  it('the mark of a store is not enumerable', () => {
    const store = memoryStore()
    const before = Object.keys(store)
    createLimiter({ ...policy, store })
    expect(Object.keys(store)).toEqual(before)
  })
})
