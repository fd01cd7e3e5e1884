import { randomBytes } from 'node:crypto'
import type { Credentials } from '../people.js'
import type { Ask } from './client.js'

/** Somebody who plays a part: from these addresses, one request each in turn, so often. */
export interface Actor {
  readonly name: string
  readonly addresses: number
  readonly everyMs: number
  next(turn: number): { readonly path: string } & Ask
}

const basic = (user: string, password: string) => ({
  Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})

/** Three normal users of acme, one who guesses a password, and globex, whose four clients never rest. */
export function actors({ tokens, basic: users, apiKey }: Credentials): readonly Actor[] {
  const bearer = (name: string) => ({
    Authorization: `Bearer ${tokens.find(one => one.name === name)?.token}`,
  })
  const password = users.find(one => one.name === 'ada')?.password ?? ''
  return [
    {
      name: 'alan, with a token',
      addresses: 1,
      everyMs: 250,
      next: turn =>
        turn % 5 === 4
          ? order(bearer('alan'), { item: `lamp ${turn}`, quantity: 1 })
          : { path: '/api/orders', headers: bearer('alan') },
    },
    {
      name: 'ada, with a password',
      addresses: 1,
      everyMs: 250,
      next: turn => ({
        path: turn % 2 === 0 ? '/admin/reports' : '/api/orders?limit=5',
        headers: basic('ada', password),
      }),
    },
    {
      name: 'the warehouse, with a key',
      addresses: 1,
      everyMs: 250,
      next: () => ({ path: '/api/orders', headers: { [apiKey.header]: apiKey.key } }),
    },
    {
      name: 'guesses a password',
      addresses: 1,
      everyMs: 100,
      next: () => ({ path: '/api/orders', headers: basic('ada', randomBytes(6).toString('hex')) }),
    },
    {
      name: 'globex, a noisy tenant',
      addresses: 4,
      everyMs: 20,
      next: turn => ({ path: '/api/orders', headers: bearer(turn % 2 === 0 ? 'gus' : 'grace') }),
    },
  ]
}

const order = (headers: Readonly<Record<string, string>>, body: object) => ({
  path: '/api/orders',
  method: 'POST',
  headers,
  body,
})
