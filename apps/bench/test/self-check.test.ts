import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { HOSTS, type HostName, VARIANTS } from '../src/cells.js'
import { start } from '../src/hosts/index.js'
import { Load } from '../src/load/burst.js'
import {
  type Answers,
  askAll,
  askUntilRefused,
  CHECKED_LIMIT,
  differences,
  type Probed,
} from '../src/measure/self-check.js'

const open: Server[] = []

afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})

async function portOf(host: HostName, variant: (typeof VARIANTS)[number], limit: number): Promise<number> {
  const server = await start({ host, variant }, { limit })
  open.push(server)
  return (server.address() as AddressInfo).port
}

async function answersOf(host: HostName): Promise<Answers> {
  const answers: Record<string, Awaited<ReturnType<typeof askAll>>> = {}
  for (const variant of VARIANTS) {
    const all = await askAll(await portOf(host, variant, 1_000))
    if (variant !== 'bare') all.push(await askUntilRefused(await portOf(host, variant, CHECKED_LIMIT)))
    answers[variant] = all
  }
  return answers
}

describe.each(HOSTS)('the variants of %s', host => {
  it('answer the same, so that their costs can be compared', async () => {
    expect(differences(host, await answersOf(host))).toEqual([])
  })

  it('refuse with 429 and carry every header when a client is over its limit', async () => {
    for (const variant of ['floor', 'palisade'] as const) {
      const [, { status, headers }] = await askUntilRefused(await portOf(host, variant, CHECKED_LIMIT))
      expect(status).toBe(429)
      expect(headers).toMatchObject({
        'x-ratelimit-limit': '2',
        'x-ratelimit-remaining': '0',
        'ratelimit-policy': '"default";q=2;w=60',
        'x-content-type-options': 'nosniff',
        'access-control-allow-origin': 'https://admin.example.com',
      })
      expect(headers['retry-after']).toMatch(/^\d+$/)
      expect(headers['x-request-id']).toMatch(/^[\w-]{36}$/)
    }
  })

  it('stand the load generator, which counts every request that it was asked for', async () => {
    const port = await portOf(host, 'floor', 1_000)
    const load = await Load.open(port, 4)
    await load.send(96)
    load.close()
    const [first] = await askAll(port)
    // 4 to open, 96 of load, and the probe itself.
    expect(first?.[1].headers['x-ratelimit-remaining']).toBe(String(1_000 - 101))
  })
})

describe('the self-check', () => {
  const changed = (answers: Answers, change: (answer: Probed) => Probed): Answers => ({
    ...answers,
    palisade: (answers.palisade ?? []).map(([probe, answer]) => [probe, change(answer)] as const),
  })

  it('notices a header that is missing, another value, another status and another body', async () => {
    const answers = await answersOf('express')
    const without = changed(answers, ({ headers: { 'referrer-policy': _, ...headers }, ...rest }) => ({
      ...rest,
      headers,
    }))
    expect(differences('express', without)[0]).toMatch(/referrer-policy is undefined/)
    const other = changed(answers, answer => ({ ...answer, headers: { ...answer.headers, vary: 'Accept' } }))
    expect(differences('express', other)[0]).toMatch(/vary is Accept/)
    expect(
      differences(
        'express',
        changed(answers, answer => ({ ...answer, status: 500 })),
      )[0],
    ).toMatch(/status 500/)
    expect(
      differences(
        'express',
        changed(answers, answer => ({ ...answer, body: '{}' })),
      )[0],
    ).toMatch(/another body/)
  })

  it('takes different ids, counts and times for the same, and a missing id not', async () => {
    const answers = await answersOf('express')
    const later = changed(answers, answer => ({
      ...answer,
      headers: {
        ...answer.headers,
        ...(answer.headers['x-ratelimit-reset'] !== undefined && { 'x-ratelimit-reset': '9' }),
      },
    }))
    expect(differences('express', later)).toEqual([])
    const unlike = changed(answers, answer => ({
      ...answer,
      headers: { ...answer.headers, 'x-request-id': 'x' },
    }))
    expect(differences('express', unlike).length).toBeGreaterThan(0)
  })
})

describe('the load generator', () => {
  it('fails at an answer that is no 200, instead of measuring refusals', async () => {
    const load = await Load.open(await portOf('fastify', 'floor', 8), 4)
    await expect(load.send(100)).rejects.toThrow(/no 200/)
    load.close()
  })
})
