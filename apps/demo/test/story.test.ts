import { mkdtempSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { redisUrl, uniqueNamespace } from '../../../test/support/redis.js'
import { type Answer, type Ask, type Demo, HOSTS, json, startDemo } from './support/demo.js'
import { buildPrograms, startProgram } from './support/program.js'

const ATTACKER = '203.0.113.66'
const NOBODY = '00000000-0000-4000-8000-000000000000'

const SCENES = [
  ...HOSTS.map(framework => [framework, {}] as const),
  ...[redisUrl() ?? []]
    .flat()
    .map(url => ['fastify', { redis: { url, namespace: uniqueNamespace('demo') } }] as const),
]

describe.each(SCENES)('the story on %s, with %o', (framework, options) => {
  let demo: Demo
  beforeAll(async () => {
    demo = await startDemo(framework, options)
  })
  afterAll(() => demo.close())

  const guess = (password: string) =>
    demo.ask('/api/orders', { from: ATTACKER, headers: demo.basic('ada', password) })

  it('challenges who guesses passwords, then throttles, then bans, and nobody else', async () => {
    const answers: Answer[] = []
    while (answers.at(-1)?.status !== 403 && answers.length < 30)
      answers.push(await guess(`guess ${answers.length}`))
    expect(answers.map(({ status }) => status).join(' ')).toBe('401 401 401 401 401 429 429 429 429 429 403')

    expect(answers[0]?.headers.get('www-authenticate')).toBe('Basic realm="api", charset="UTF-8"')
    expect(answers[5]?.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(answers.at(-1)?.headers.get('retry-after')).toMatch(/^(300|299)$/)
    expect(answers.at(-1)?.body).toMatchObject({ error: { code: 'FORBIDDEN', message: 'Access denied' } })

    expect((await demo.ask('/public/hello', { from: ATTACKER })).status).toBe(403)
    // The right password is refused too: she has not logged in yet, so no login is remembered.
    const right = await demo.ask('/api/orders', { from: ATTACKER, headers: demo.basic('ada') })
    expect(right.status).toBe(403)
    const neighbour = { from: '203.0.113.67', headers: demo.basic('grace') }
    expect((await demo.ask('/api/orders', neighbour)).status).toBe(200)
  })

  it('shows the ban to the operator, who lifts it, and the client logs in', async () => {
    const operator = { headers: demo.bearer('olga') }
    const { body } = await demo.ask('/admin/security/bans', operator)
    expect(body).toMatchObject({ data: [{ ip: ATTACKER, jail: 'guessing' }], meta: { total: 1 } })
    expect((await demo.ask(`/admin/security/bans/${ATTACKER}`, operator)).status).toBe(200)

    const lifted = await demo.ask(`/admin/security/bans/${ATTACKER}`, { ...operator, method: 'DELETE' })
    expect(lifted.body).toEqual({ success: true, data: { ip: ATTACKER, removed: [ATTACKER] } })
    const again = await demo.ask('/api/orders', { from: ATTACKER, headers: demo.basic('ada') })
    expect(again.status).toBe(200)
    expect((await demo.ask('/admin/security/bans', operator)).body).toMatchObject({ data: [] })
  })

  it('bans a network by hand, finds it by an address in it, and lifts it by its name in the query', async () => {
    const operator = { headers: demo.bearer('olga') }
    const network = '203.0.114.0/24'
    const order = json({ ip: network, duration: '1h' })
    const made = await demo.ask('/admin/security/bans', {
      ...order,
      headers: { ...order.headers, ...operator.headers },
    })
    expect(made.status).toBe(201)
    expect((await demo.ask('/public/hello', { from: '203.0.114.7' })).status).toBe(403)

    for (const path of [made.headers.get('location') as string, '/admin/security/bans?ip=203.0.114.7'])
      expect((await demo.ask(path, operator)).body).toMatchObject({ data: [{ ip: network }] })
    // The rules of the login read the path, and would not know which one the router takes this for.
    const escaped = await demo.ask('/admin/security/bans/203.0.114.0%2F24', operator)
    expect(escaped.status).toBe(400)

    const lifted = await demo.ask(`/admin/security/bans?ip=${network}`, { ...operator, method: 'DELETE' })
    expect(lifted.body).toEqual({ success: true, data: { ip: network, removed: [network] } })
    expect((await demo.ask('/public/hello', { from: '203.0.114.7' })).status).toBe(200)
  })

  it('shows to a tenant nothing of the other, in no way', async () => {
    const ofAcme = (await demo.ask('/api/orders', { headers: demo.bearer('ada') })).body['data'] as {
      id: string
      item: string
    }[]
    const target = ofAcme[0]?.id as string
    const seen: string[] = []
    for (const name of ['gus', 'grace', 'olga']) {
      const ask = async (path: string, init: Ask = {}) => {
        const answer = await demo.ask(path, { ...init, headers: { ...init.headers, ...demo.bearer(name) } })
        seen.push(answer.text, ...answer.headers.values())
        return answer
      }
      await ask('/api/orders')
      await ask('/api/orders?limit=100', { headers: { 'X-Tenant': 'acme', 'X-Tenant-ID': 'acme' } })
      for (const query of [`after=${target}`, 'tenant=acme', 'owner=alan', "limit=1' or '1'='1"])
        expect([query, (await ask(`/api/orders?${query}`)).status]).toEqual([
          query,
          name === 'olga' ? 403 : 422,
        ])
      await ask('/admin/reports')

      for (const method of ['GET', 'HEAD']) {
        const theirs = await ask(`/api/orders/${target}`, { method })
        const absent = await ask(`/api/orders/${NOBODY}`, { method })
        expect([name, theirs.status]).toEqual([name, name === 'olga' ? 403 : 404])
        expect(told(theirs)).toEqual(told(absent))
      }
      for (const method of ['PUT', 'PATCH', 'DELETE', 'POST'])
        expect((await ask(`/api/orders/${target}`, { method })).status).toBe(404)
      const { headers, ...init } = json({ item: 'x', quantity: 1, tenant: 'acme', owner: 'ada' })
      expect((await ask('/api/orders', { ...init, ...(headers && { headers }) })).status).toBe(
        name === 'olga' ? 403 : 422,
      )
    }
    const everything = seen.join('\n')
    for (const { id, item } of ofAcme) {
      expect(everything).not.toContain(id)
      expect(everything).not.toContain(item)
    }
  })

  let served = 0
  it('limits who asks too much, and nobody else', async () => {
    // Where a minute ends meanwhile, another hundred pass.
    const ask = (from: string) => demo.ask('/api/orders', { from, headers: demo.bearer('gus') })
    let answer = await ask('203.0.113.68')
    for (; answer.status === 200 && served < 250; served++) answer = await ask('203.0.113.68')
    expect(served).toBeGreaterThanOrEqual(100)
    expect(answer.status).toBe(429)
    expect(answer.body).toMatchObject({ error: { code: 'RATE_LIMITED' } })
    expect((await ask('203.0.113.69')).status).toBe(200)
  })

  it('has counted every one of these requests, once and by its status', async () => {
    const expected = Object.fromEntries([...demo.statuses].sort(([a], [b]) => a - b))
    await vi.waitFor(async () => expect(await counted(demo.origin)).toEqual(expected), { timeout: 5000 })
  })

  it('has counted what each package has made of them, once', async () => {
    expect(await ofPackages(demo.origin)).toEqual({
      // The guesses of which a password was looked at, and those that were throttled.
      'auth_failure_total{strategy="basic"}': 10,
      // The neighbour, and the client after its ban.
      'auth_success_total{strategy="basic"}': 2,
      // The operator and the ban 4, and the banned network 4, the tenant's own orders 1, three
      // others with 16 each, and who asks too much, with one that does not.
      'auth_success_total{strategy="jwt"}': 4 + 4 + 1 + 3 * 16 + served + 1,
      'failban_violations_total{source="auth"}': 5,
      'failban_violations_total{source="auth-throttled"}': 5,
      'failban_violations_total{source="rate-limit"}': 1,
      'failban_bans_total{jail="guessing",mode="enforce"}': 1,
      'failban_bans_total{jail="manual",mode="enforce"}': 1,
      'failban_unbans_total{cause="manual"}': 2,
      // The network with its slash escaped, in a path.
      'guards_denied_total{by="authenticate",code="BAD_REQUEST",mode="enforce"}': 1,
      'guards_denied_total{by="authenticate",rule="basic",code="UNAUTHORIZED",mode="enforce"}': 5,
      'guards_denied_total{by="authenticate",code="RATE_LIMITED",mode="enforce"}': 5,
      // The last guess, a page that is public, and the right password; and who is in the network.
      'guards_denied_total{by="failban",rule="guessing",code="FORBIDDEN",mode="enforce"}': 3,
      'guards_denied_total{by="failban",rule="manual",code="FORBIDDEN",mode="enforce"}': 1,
      'guards_denied_total{by="rate-limit",rule="minute",code="RATE_LIMITED",mode="enforce"}': 1,
      // Two who may read: four wrong queries and an order with foreign fields.
      'guards_denied_total{code="VALIDATION_ERROR",mode="enforce"}': 2 * 5,
      // The same two: an order of others and one that is not there, by GET and HEAD; and of all
      // three, four methods without a route.
      'guards_denied_total{code="NOT_FOUND",mode="enforce"}': 2 * 4 + 3 * 4,
      // The operator, who has no scope for orders: two lists, four queries, two orders by GET and
      // HEAD, and a new one.
      'guards_denied_total{by="guard",rule="requireScopes",code="FORBIDDEN",mode="enforce"}': 11,
      // The one of the three who is no administrator asks for reports.
      'guards_denied_total{by="guard",rule="requireRole",code="FORBIDDEN",mode="enforce"}': 1,
      ratelimit_exceeded_total: 1,
    })
  })
})

describe('the demo as a process', () => {
  let programs: Awaited<ReturnType<typeof buildPrograms>>
  beforeAll(async () => {
    programs = await buildPrograms()
  }, 60_000)
  afterAll(() => programs.remove())

  it.each(HOSTS)(
    'on %s loses no request to SIGTERM, and knows orders and bans when it is started again',
    { timeout: 60_000 },
    async framework => {
      const data = mkdtempSync(join(tmpdir(), 'palisade-demo-story-'))
      const env = { FRAMEWORK: framework, DEMO_DATA: data, DEMO_TRUST_LOOPBACK: '1' }
      const first = await startProgram(programs.main, env)
      let second: typeof first | undefined
      try {
        const token = await tokenOf(first.origin, 'gus')
        const under = Array.from({ length: 20 }, (_, i) =>
          fetch(`${first.origin}/api/slow?ms=2000`, {
            headers: { Authorization: token, 'X-Forwarded-For': `203.0.113.${i}` },
          }).then(response => response.json()),
        )
        const answered = Promise.all(under)
        answered.catch(() => {})
        await vi.waitFor(async () => expect(await inFlight(first.origin)).toBe(21), { timeout: 10_000 })
        const created = await fetch(`${first.origin}/api/orders`, {
          method: 'POST',
          headers: { Authorization: token, 'Content-Type': 'application/json' },
          body: '{"item":"a lamp that lasts","quantity":1}',
        })
        expect(created.status).toBe(201)
        await banByHand(first.origin, ATTACKER)

        first.signal('SIGTERM')
        expect(await answered).toEqual(Array(20).fill({ waited: 2000 }))
        expect(await first.exited).toBe(0)
        await expect(fetch(`${first.origin}/public/hello`)).rejects.toThrow()

        second = await startProgram(programs.main, env)
        const { origin } = second
        const banned = await fetch(`${origin}/public/hello`, { headers: { 'X-Forwarded-For': ATTACKER } })
        expect(banned.status).toBe(403)
        const list = await fetch(`${origin}/api/orders`, {
          headers: { Authorization: await tokenOf(origin, 'gus') },
        })
        expect(await list.text()).toContain('a lamp that lasts')
      } finally {
        await first.stop()
        await second?.stop()
        rmSync(data, { recursive: true })
      }
    },
  )

  it.each(HOSTS)(
    'given no HOST and no NODE_ENV, %s listens on loopback alone and hides causes',
    async framework => {
      const data = mkdtempSync(join(tmpdir(), 'palisade-demo-story-'))
      const child = await startProgram(programs.main, { FRAMEWORK: framework, DEMO_DATA: data })
      try {
        const { port } = new URL(child.origin)
        // Every address of 127.0.0.0/8 and of the machine reaches a server that listens on all
        // addresses.
        const others = Object.values(networkInterfaces())
          .flatMap(list => list ?? [])
          .filter(one => one.family === 'IPv4' && !one.internal)
          .map(one => one.address)
        for (const address of ['127.0.0.2', ...others])
          await expect(fetch(`http://${address}:${port}/public/hello`)).rejects.toThrow()
        const headers = { Authorization: await tokenOf(child.origin, 'alan') }
        const failed = await fetch(`${child.origin}/api/boom`, { headers })
        expect([failed.status, await failed.text()]).toEqual([
          500,
          expect.not.stringMatching(/asked to fail|stack/),
        ])
      } finally {
        await child.stop()
        rmSync(data, { recursive: true })
      }
    },
  )

  it.each([{ NODE_ENV: 'production' }, { HOST: '0.0.0.0' }, { HOST: '0.0.0.0', NODE_ENV: 'production' }])(
    'given %o, it hands out no credentials',
    async env => {
      const data = mkdtempSync(join(tmpdir(), 'palisade-demo-story-'))
      const child = await startProgram(programs.main, { ...env, DEMO_DATA: data })
      try {
        const answer = await fetch(`${child.origin}/demo/credentials`)
        expect([answer.status, await answer.text()]).toEqual([404, expect.not.stringContaining('password')])
        expect(child.output()).not.toMatch(/\/demo\/credentials|Bearer|demo:traffic/)
      } finally {
        await child.stop()
        rmSync(data, { recursive: true })
      }
    },
  )
})

/** All that a client can read in an answer, except the time and the id of its own request. */
function told({ status, headers, text }: Answer) {
  const { date: _, 'x-request-id': __, ...rest } = Object.fromEntries(headers)
  const varying = /^(?:x-ratelimit|ratelimit$)/
  return {
    status,
    text: text.replace(/"(?:timestamp|request_id)":"[^"]*"/g, ''),
    headers: Object.entries(rest).filter(([name]) => !varying.test(name)),
  }
}

/** As a scraper inside: the proxy, which is this machine, has to name it. */
async function scrape(origin: string): Promise<string> {
  const answer = await fetch(`${origin}/metrics`, { headers: { 'X-Forwarded-For': '10.0.0.9' } })
  return answer.text()
}

/** The requests in the exposition by status, without those that read it. */
async function counted(origin: string): Promise<Record<string, number>> {
  const text = await scrape(origin)
  const sums: Record<string, number> = {}
  for (const [, labels = '', value] of text.matchAll(/^http_requests_total\{(.*)\} (\d+)$/gm)) {
    if (labels.includes('route="/metrics"')) continue
    const status = /status="(\d+)"/.exec(labels)?.[1] ?? '?'
    sums[status] = (sums[status] ?? 0) + Number(value)
  }
  return sums
}

/** The counters of what the packages did, those of limits over all policies. */
async function ofPackages(origin: string): Promise<Record<string, number>> {
  const text = await scrape(origin)
  const found: Record<string, number> = {}
  for (const [, series = '', value] of text.matchAll(
    /^((?:auth|failban|guards|ratelimit)_\w+_total(?:\{.*\})?) (\d+)$/gm,
  )) {
    const name = series.startsWith('ratelimit_') ? series.replace(/\{.*/, '') : series
    found[name] = (found[name] ?? 0) + Number(value)
  }
  return found
}

async function inFlight(origin: string): Promise<number> {
  const text = await scrape(origin)
  return Number(/^http_requests_in_flight (\d+)$/m.exec(text)?.[1])
}

async function tokenOf(origin: string, name: string): Promise<string> {
  const { tokens } = (await (await fetch(`${origin}/demo/credentials`)).json()) as {
    tokens: { name: string; token: string }[]
  }
  return `Bearer ${tokens.find(one => one.name === name)?.token}`
}

async function banByHand(origin: string, ip: string): Promise<void> {
  const answer = await fetch(`${origin}/admin/security/bans`, {
    method: 'POST',
    headers: { Authorization: await tokenOf(origin, 'olga'), 'Content-Type': 'application/json' },
    body: JSON.stringify({ ip, duration: '1h' }),
  })
  expect(answer.status).toBe(201)
}
