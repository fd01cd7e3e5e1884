import { randomBytes } from 'node:crypto'
import type { Credentials } from '../people.js'
import type { Ask, TrafficClient } from './client.js'

export interface Ban {
  readonly ip: string
  readonly jail: string
  readonly violations: number
}

/** What olga does around a play. Each throws an Error that is for a person. */
export function operator(client: TrafficClient, { tokens }: Credentials) {
  const token = tokens.find(({ scopes }) => scopes.includes('security:admin'))?.token
  async function ask<Data>(path: string, init: Ask = {}): Promise<Data> {
    const { status, text } = await client.ask(path, {
      ...init,
      headers: { Authorization: `Bearer ${token}` },
    })
    if (status < 200 || status > 299) throw new Error(`${path} answered the operator ${status || text}`)
    return (JSON.parse(text) as { data: Data }).data
  }

  return {
    /**
     * A key of a tenant that has asked for nothing yet: whose quota is whole, whatever was played a
     * moment ago.
     */
    newTenant: () =>
      ask<{ readonly id: string; readonly key: string }>('/api-keys', {
        method: 'POST',
        body: {
          name: 'traffic',
          owner: 'traffic',
          tenant: `noisy-${randomBytes(6).toString('hex')}`,
          scopes: ['orders:read'],
        },
      }),
    revoke: ({ id }: { readonly id: string }) => ask(`/api-keys/${id}`, { method: 'DELETE' }),
    bans: () => ask<readonly Ban[]>('/admin/security/bans?limit=500'),
  }
}
