import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { HOSTS, type HostName, STACKS, type StackName, VARIANTS, type Variant } from '../src/cells.js'
import { start } from '../src/hosts/index.js'
import { Load } from '../src/load/burst.js'
import { issueCredentials } from '../src/load/issuer.js'
import { pageRequests } from '../src/load/request.js'
import { countedOrders } from '../src/measure/exposition.js'
import {
  type Answers,
  askAll,
  askUntilBanned,
  askUntilRefused,
  CHECKED_LIMIT,
  differences,
  type Probed,
  probesOf,
} from '../src/measure/self-check.js'

const credentials = issueCredentials()
const open: Server[] = []

afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})

async function portOf(stack: StackName, host: HostName, variant: Variant, limit: number): Promise<number> {
  const server = await start({ stack, host, variant }, { limit, publicKey: credentials.publicKey })
  open.push(server)
  return (server.address() as AddressInfo).port
}

async function answersOf(stack: StackName, host: HostName): Promise<Answers> {
  const answers: Record<string, Awaited<ReturnType<typeof askAll>>> = {}
  for (const variant of VARIANTS) {
    const all = await askAll(await portOf(stack, host, variant, 1_000), probesOf(stack, credentials))
    if (variant !== 'bare') {
      all.push(await askUntilRefused(stack, credentials)(await portOf(stack, host, variant, CHECKED_LIMIT)))
      if (stack === 'full')
        all.push(await askUntilBanned(credentials)(await portOf(stack, host, variant, 1_000)))
    }
    answers[variant] = all
  }
  return answers
}

describe.each(HOSTS)('the variants of %s', host => {
  it.each(STACKS)('answer the same in the %s stack, so that their costs can be compared', async stack => {
    expect(differences(host, await answersOf(stack, host))).toEqual([])
  })

  it.each(STACKS)(
    'refuse with 429 and carry every header when a client is over its limit in the %s stack',
    async stack => {
      for (const variant of ['floor', 'palisade'] as const) {
        const port = await portOf(stack, host, variant, CHECKED_LIMIT)
        const [, { status, headers }] = await askUntilRefused(stack, credentials)(port)
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
    },
  )

  it('want a token with the scope in the full stack, and ban who tries wrong ones', async () => {
    for (const variant of ['floor', 'palisade', 'peers'] as const) {
      const answers = await askAll(
        await portOf('full', host, variant, 1_000),
        probesOf('full', credentials).slice(-4),
      )
      expect([variant, ...answers.map(([, { status }]) => status)]).toEqual([variant, 401, 403, 401, 200])
      const [, banned] = await askUntilBanned(credentials)(await portOf('full', host, variant, 1_000))
      expect([variant, banned.status]).toEqual([variant, 403])
    }
  })

  it('count in their metrics what they answered', async () => {
    for (const variant of ['floor', 'palisade', 'peers'] as const) {
      const port = await portOf('full', host, variant, 1_000)
      const answers = await askAll(port, probesOf('full', credentials))
      const answered = answers.filter(([, { status }]) => status === 200).length
      expect([variant, await countedOrders(port)]).toEqual([variant, answered])
    }
  })

  it('stand the load generator, which counts every request that it was asked for', async () => {
    const port = await portOf('full', host, 'floor', 1_000)
    const load = await Load.open(port, 4, pageRequests(port, 'full', credentials))
    await load.send(96)
    load.close()
    const [first] = await askAll(port, probesOf('full', credentials))
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
    const answers = await answersOf('edge', 'express')
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
    const answers = await answersOf('edge', 'express')
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
    const port = await portOf('edge', 'fastify', 'floor', 8)
    const load = await Load.open(port, 4, pageRequests(port, 'edge', credentials))
    await expect(load.send(100)).rejects.toThrow(/no 200/)
    load.close()
  })
})
