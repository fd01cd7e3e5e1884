import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Logger, trustedProxies } from '@palisade/core'
import type { StartHost } from '../../src/hosts/host.js'
import { orderBook } from '../../src/orders.js'
import { type Credentials, demoPeople } from '../../src/people.js'
import { protection } from '../../src/protection.js'
import { openStores } from '../../src/stores.js'

export const HOSTS = ['express', 'fastify', 'hono', 'koa', 'node'] as const

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** `{}` when there is no JSON. */
  readonly body: Record<string, unknown>
}

export interface Ask extends Omit<RequestInit, 'headers'> {
  readonly headers?: Readonly<Record<string, string>>
  /** The client's address; else this machine's. */
  readonly from?: string
}

/**
 * The real demo on a host, in a directory of its own, with quick passwords. Its clients are told
 * apart by `X-Forwarded-For`.
 */
export async function startDemo(
  framework: string,
  options: { redis?: { url: string; namespace: string } } = {},
) {
  const { start } = (await import(`../../src/hosts/${framework}.ts`)) as { start: StartHost }
  const data = mkdtempSync(join(tmpdir(), 'palisade-demo-test-'))
  const stores = openStores({ data, port: 0, redisUrl: options.redis?.url }, options.redis?.namespace)
  const people = await demoPeople(10)
  const wall = protection({
    people,
    bans: stores.bans,
    checks: stores.checks,
    trust: trustedProxies(['loopback']),
    logger: silent,
    ...(stores.limits && { limits: stores.limits }),
  })
  const running = await start(wall, { orders: await orderBook(stores.db), people }, 0)
  await wall.bans.ready()
  const origin = `http://127.0.0.1:${running.port}`
  /** Every answer, by its status: what the counters have to account for. */
  const statuses = new Map<number, number>()

  async function ask(path: string, { from, headers, ...init }: Ask = {}): Promise<Answer> {
    const response = await fetch(origin + path, {
      redirect: 'manual',
      ...init,
      headers: { ...headers, ...(from !== undefined && { 'X-Forwarded-For': from }) },
    })
    const text = await response.text()
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
    return { status: response.status, headers: response.headers, text, body: parsed(text) }
  }

  const { body } = await ask('/demo/credentials')
  const credentials = body as unknown as Credentials
  const found = <T extends { name: string }>(list: readonly T[], name: string): T =>
    list.find(one => one.name === name) as T

  return {
    origin,
    wall,
    running,
    statuses,
    ask,
    credentials,
    bearer: (name: string) => ({ Authorization: `Bearer ${found(credentials.tokens, name).token}` }),
    basic: (name: string, password = found(credentials.basic, name).password) => ({
      Authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
    }),
    apiKey: { 'X-API-Key': credentials.apiKey.key },
    async close() {
      await running.close()
      await wall.edge.dispose()
      await stores.close()
      rmSync(data, { recursive: true })
    },
  }
}

export type Demo = Awaited<ReturnType<typeof startDemo>>

export const json = (body: unknown): Ask => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
})

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return {}
  }
}
