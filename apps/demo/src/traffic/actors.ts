import { randomBytes } from 'node:crypto'
import type { Credentials } from '../people.js'
import type { Ask } from './client.js'

/**
 * A client with a part to play: `turns` requests from each of its addresses, one after the other,
 * one every `everyMs` at most.
 */
export interface Actor {
  readonly name: string
  readonly addresses: number
  readonly turns: number
  readonly everyMs: number
  next(turn: number): { readonly path: string } & Ask
}

const basic = (user: string, password: string) => ({
  Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})

/**
 * Three normal users, who together ask so little that a dozen plays a minute stay below the quotas
 * of their tenants; one who guesses the password of one of them; and a tenant whose four clients
 * never rest. How much each of them asks is fixed, so that what becomes of it is the same in every
 * play.
 *
 * @param noisyKey an API key of a tenant that has asked for nothing yet
 */
export function actors({ tokens, basic: users, apiKey }: Credentials, noisyKey: string): readonly Actor[] {
  const token = tokens.find(one => one.name === 'alan')?.token
  const alan = { Authorization: `Bearer ${token}` }
  const password = users.find(one => one.name === 'grace')?.password ?? ''
  return [
    {
      name: 'alan, with a token',
      addresses: 1,
      turns: 10,
      everyMs: 350,
      next: turn =>
        turn % 5 === 4
          ? order(alan, { item: `lamp ${turn}`, quantity: 1 })
          : { path: '/api/orders', headers: alan },
    },
    {
      name: 'grace, with a password',
      addresses: 1,
      turns: 10,
      everyMs: 350,
      next: turn => ({
        path: turn % 2 === 0 ? '/admin/reports' : '/api/orders?limit=5',
        headers: basic('grace', password),
      }),
    },
    {
      name: 'the warehouse, with a key',
      addresses: 1,
      turns: 10,
      everyMs: 350,
      next: () => ({ path: '/api/orders', headers: { [apiKey.header]: apiKey.key } }),
    },
    {
      name: 'somebody who guesses a password',
      addresses: 1,
      turns: 20,
      everyMs: 150,
      next: () => ({ path: '/api/orders', headers: basic('grace', randomBytes(6).toString('hex')) }),
    },
    {
      name: 'a noisy tenant, at four addresses',
      addresses: 4,
      turns: 80,
      everyMs: 40,
      next: () => ({ path: '/api/orders', headers: { [apiKey.header]: noisyKey } }),
    },
  ]
}

const order = (headers: Readonly<Record<string, string>>, body: object) => ({
  path: '/api/orders',
  method: 'POST',
  headers,
  body,
})
