import { leaves, limiterOver, type Run, says } from './place.js'

const policies = [
  { name: 'narrow', algorithm: 'fixed-window', limit: 3, window: '365d' },
  { name: 'wide', algorithm: 'token-bucket', limit: 10, window: '365d' },
  { name: 'exact', algorithm: 'sliding-log', limit: 20, window: '365d' },
] as const

const KEYS = [
  'k',
  'K',
  'k ',
  ' k',
  'k:k',
  '{k}',
  '*',
  '%',
  "'",
  '"',
  '\\',
  '\n',
  'é',
  '\u{1f512}',
  'k'.repeat(5000),
]

/** What a store does with several keys, policies and limiters. */
export const several: Readonly<Record<string, Run>> = {
  async 'given several policies when one refuses then the others have counted nothing'(store) {
    const limiter = limiterOver(store, { policies })
    says(await limiter.consume('k', 3), { allowed: true, limit: 3, remaining: 0 }, 'three')
    says(await limiter.consume('k', 4), { allowed: false, refusedBy: ['narrow'] }, 'four')
    says(await limiter.consume('new', 4), { allowed: false, refusedBy: ['narrow'] }, 'four of a new key')
    says(await limiter.consume('k', 8), { allowed: false, refusedBy: ['narrow', 'wide'] }, 'eight')
    limiter.setLimit('narrow', { limit: 1000 })
    says(await limiter.consume('k', 0), { limit: 10, remaining: 7 }, 'what is left')
    says(await limiter.consume('new', 10), { allowed: true }, 'ten of the new key')
  },

  async 'given a policy that does not apply then it counts nothing, and does not refuse'(store) {
    let limit = Number.POSITIVE_INFINITY
    const limiter = limiterOver(store, {
      policies: [
        { name: 'some', algorithm: 'fixed-window', limit: () => limit, window: '365d' },
        { name: 'all', algorithm: 'fixed-window', limit: 100, window: '365d' },
      ],
    })
    says(await limiter.consume('k', 50), { allowed: true, limit: 100, remaining: 50 }, 'without it')
    limit = 10
    says(await limiter.consume('k', 10), { allowed: true, limit: 10, remaining: 0 }, 'with it')
  },

  async 'given several policies then a receipt gives back to all, and settles those that are named'(store) {
    const limiter = limiterOver(store, { policies })
    const refunded = await limiter.consume('k', 3)
    if (refunded.receipt !== undefined) await limiter.refund(refunded.receipt)
    const { receipt } = await limiter.consume('k', 1)
    if (receipt !== undefined) await limiter.settle(receipt, { wide: 9 })
    says(await limiter.consume('k', 0), { allowed: true, limit: 10, remaining: 1 }, 'nine of the wide one')
    says(await limiter.consume('k', 2), { allowed: false, refusedBy: ['wide'] }, 'two more')
  },

  async 'given keys of any characters and length then each is counted apart'(store) {
    const limiter = limiterOver(store, { algorithm: 'fixed-window', limit: 5 })
    for (const key of KEYS) await limiter.consume(key)
    for (const key of KEYS) await leaves(limiter, key, 4, JSON.stringify(key.slice(0, 20)))
  },

  async 'given two limiters then policies of one name share counts, and others do not'(store) {
    const limiter = (name: string) => limiterOver(store, { name, algorithm: 'fixed-window', limit: 10 })
    const [one, same, other] = [limiter('one'), limiter('one'), limiter('other')]
    await one.consume('k', 4)
    await leaves(same, 'k', 6, 'the same name')
    await leaves(other, 'k', 10, 'another name')
  },
}
