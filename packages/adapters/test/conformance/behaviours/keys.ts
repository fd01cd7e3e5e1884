/**
 * The limits of API keys, end to end: told in the headers, and with those of `rateLimit()` in one
 * voice.
 */

import {
  type ApiKeys,
  type ApiKeysOptions,
  apiKey,
  apiKeys,
  authenticate,
  type NewApiKey,
} from '@palisade/auth'
import type { Middleware } from '@palisade/core'
import { createLimiter, rateLimit } from '@palisade/ratelimit'
import { text } from '../answers.js'
import { type App, type Behaviour, get, type Script } from '../behaviour.js'
import type { Probe } from '../probe.js'

const fixed = (rate: { readonly limit: number; readonly window: number }) =>
  createLimiter({ ...rate, algorithm: 'fixed-window' })
const wide = () => rateLimit({ name: 'all', algorithm: 'fixed-window', limit: 100, window: '1h' })

/** The keys of each run. */
const made = new WeakMap<Probe, ApiKeys>()

const edge =
  (options: ApiKeysOptions = {}, inFront?: () => Middleware) =>
  (probe: Probe) => {
    const keys = apiKeys({ limiter: fixed, ...options })
    made.set(probe, keys)
    const base = probe.pipeline()
    return (inFront === undefined ? base : base.use(inFront())).use(
      authenticate({ strategies: [apiKey({ keys })] }),
    )
  }

const withKey =
  (fields: Partial<NewApiKey>, times: number): Script =>
  async (client, probe) => {
    const keys = made.get(probe) as ApiKeys
    const { key } = await keys.create({ name: 'Mobile app', owner: 'u42', ...fields })
    const answers = []
    for (let i = 0; i < times; i++) answers.push(await client.send({ headers: { 'X-API-Key': key } }))
    return answers
  }

const app: App = { routes: [get('/', text('ok'))] }
const RESET = /^\d{10}$/

export const keys: readonly Behaviour[] = [
  {
    title:
      'given an API key with a limit of its own when it is used then each answer tells of it, and a 429 has Retry-After',
    edge: edge(),
    app,
    when: withKey({ rateLimit: { limit: 2, window: '1h' } }, 3),
    gets: [
      {
        status: 200,
        headers: {
          'X-RateLimit-Limit': '2',
          'X-RateLimit-Remaining': '1',
          'X-RateLimit-Reset': RESET,
          'RateLimit-Policy': '"api-key";q=2;w=3600',
          RateLimit: /^"api-key";r=1;t=\d+$/,
        },
      },
      { status: 200, headers: { 'X-RateLimit-Remaining': '0', RateLimit: /^"api-key";r=0;t=\d+$/ } },
      {
        status: 429,
        headers: {
          'Retry-After': /^\d+$/,
          'X-RateLimit-Limit': '2',
          'X-RateLimit-Remaining': '0',
          'X-RateLimit-Reset': RESET,
          'RateLimit-Policy': '"api-key";q=2;w=3600',
          RateLimit: /^"api-key";r=0;t=\d+$/,
        },
        body: /"code":"RATE_LIMITED"/,
      },
    ],
  },
  {
    title: 'given an API key without a limit of its own when it is used then it has 1,000 an hour',
    edge: edge(),
    app,
    when: withKey({}, 1),
    gets: {
      status: 200,
      headers: { 'X-RateLimit-Limit': '1000', 'RateLimit-Policy': '"api-key";q=1000;w=3600' },
    },
  },
  {
    title: 'given no default limit of API keys when a key is used then no header tells of one',
    edge: edge({ defaultRateLimit: false }),
    app,
    when: withKey({}, 1),
    gets: { status: 200, headers: { 'X-RateLimit-Limit': null, RateLimit: null } },
  },
  {
    title:
      'given a rate limit in front of API keys when a key is at its own limit then the headers are of both, and a refusal of the key',
    edge: edge({}, wide),
    app,
    when: withKey({ rateLimit: { limit: 1, window: '1h' } }, 2),
    gets: [
      {
        status: 200,
        headers: {
          'X-RateLimit-Limit': '1',
          'X-RateLimit-Remaining': '0',
          'RateLimit-Policy': '"all";q=100;w=3600,"api-key";q=1;w=3600',
          RateLimit: /^"all";r=99;t=\d+,"api-key";r=0;t=\d+$/,
        },
      },
      {
        status: 429,
        headers: {
          'Retry-After': /^\d+$/,
          'X-RateLimit-Limit': '1',
          'RateLimit-Policy': '"all";q=100;w=3600,"api-key";q=1;w=3600',
          RateLimit: /^"api-key";r=0;t=\d+$/,
        },
      },
    ],
  },
  {
    title: 'given an API key with a limit and a quota when the handler throws then the answer tells of both',
    edge: edge(),
    app: {
      errorHandler: true,
      routes: [
        get('/', () => {
          throw new Error('boom')
        }),
      ],
    },
    when: withKey({ rateLimit: { limit: 9, window: '1h' }, quota: { limit: 2, window: '1d' } }, 1),
    gets: {
      status: 500,
      headers: {
        'X-RateLimit-Limit': '2',
        'X-RateLimit-Remaining': '1',
        'RateLimit-Policy': '"api-key";q=9;w=3600,"api-key-quota";q=2;w=86400',
      },
    },
    logs: [/boom|failed|error/i],
  },
]
