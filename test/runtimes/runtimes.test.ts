import { createHmac, sign } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Running, runtimes } from './runtimes.js'
import { privateKey, upstream } from './upstream.js'

const project = inject('application')
let service: Awaited<ReturnType<typeof upstream>>

beforeAll(async () => {
  service = await upstream()
  const app = readFileSync(new URL('app.mjs', import.meta.url), 'utf8')
  writeFileSync(join(project, 'app.mjs'), app.replace('__UPSTREAM__', service.origin))
  copyFileSync(new URL('elsewhere.mjs', import.meta.url), join(project, 'elsewhere.mjs'))
})
afterAll(() => service.close())

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const claims = () => ({ iss: 'shop', aud: 'shop', sub: 'ada', exp: Math.floor(Date.now() / 1000) + 600 })

function hmacToken(): string {
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims())}`
  return `${text}.${createHmac('sha256', 'k'.repeat(64)).update(text).digest('base64url')}`
}

function issuersToken(): string {
  const text = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: 'one' })}.${encode(claims())}`
  const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}

/** What workerd cannot run, and the end of each error. */
const INSTEAD: Readonly<Record<string, string>> = {
  disk: 'elsewhere leave this check out',
  eventLoop: 'elsewhere leave this check out',
  fileBans: 'elsewhere use memoryBans(), or a BanStore of your own',
  gracefulShutdown: 'elsewhere use lifecycle() and call its drain()',
  memory: 'elsewhere leave this check out',
}

describe.each(runtimes)('given packed packages on $name, with all built while the module loads', runtime => {
  let running: Running
  beforeAll(async () => {
    running = await runtime.start(project)
  })
  afterAll(() => running?.close())

  const ask = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${running.origin}/${path}`, { headers: { 'x-forwarded-for': '203.0.113.9', ...headers } })
  const statusOf = async (path: string, headers?: Record<string, string>) => {
    const answer = await ask(path, headers)
    await answer.text()
    return answer.status
  }
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })

  it.each(['limit', 'hono'])(
    'when a client passes the limit of /%s, then it is refused, and no other',
    async path => {
      expect([await statusOf(path), await statusOf(path)]).toEqual([200, 200])
      const refused = await ask(path)
      expect([refused.status, refused.headers.get('x-ratelimit-limit')]).toEqual([429, '2'])
      expect(refused.headers.get('retry-after')).toMatch(/^[1-9]/)
      expect(await statusOf(path, { 'x-forwarded-for': '203.0.113.8' })).toBe(200)
    },
  )

  it('when a place was used, then it is free again', async () => {
    expect([await statusOf('queue'), await statusOf('queue')]).toEqual([200, 200])
  })

  it('when a client probes, then it is banned, and no other', async () => {
    expect(await statusOf('ban/.env')).toBe(404)
    expect(await statusOf('ban/x')).toBe(403)
    expect(await statusOf('ban/x', { 'x-forwarded-for': '203.0.113.8' })).toBe(200)
  })

  it('when a token comes, then a right one passes and a wrong one is a 401', async () => {
    expect(await statusOf('jwt', bearer(hmacToken()))).toBe(200)
    expect(await statusOf('jwt', bearer(`${hmacToken().slice(0, -5)}AAAAA`))).toBe(401)
  })

  it('when the keys are those of an issuer, then they are fetched', async () => {
    expect(await statusOf('jwks', bearer(issuersToken()))).toBe(200)
    expect(await statusOf('jwks', bearer(hmacToken()))).toBe(401)
  })

  it('when an API key comes, then it passes up to its own limit', async () => {
    const key = await (await ask('new-key')).text()
    const statuses = []
    for (let i = 0; i < 3; i++) statuses.push(await statusOf('key', { 'x-api-key': key }))
    expect(statuses).toEqual([200, 200, 429])
    expect(await statusOf('key')).toBe(401)
  })

  it('when a password comes, then a right one passes and a wrong one is a 401', async () => {
    expect(await statusOf('basic', basic('ada:open sesame'))).toBe(200)
    expect(await statusOf('basic', basic('ada:wrong'))).toBe(401)
    expect(await statusOf('basic', basic('bob:open sesame'))).toBe(401)
  })

  it('when a guard decides, then it does', async () => {
    expect([await statusOf('allowed'), await statusOf('forbidden')]).toEqual([200, 403])
  })

  it('when requests were counted, then metrics show them, and an uptime of this process', async () => {
    expect(await statusOf('numbers/x')).toBe(200)
    const text = await (await ask('numbers/metrics')).text()
    expect(text).toMatch(/^http_requests_total\{.*status="200".*\} 1$/m)
    const { uptime } = (await (await ask('numbers/metrics.json')).json()) as { uptime: { seconds: number } }
    expect(uptime.seconds).toBeLessThan(3600)
  })

  it('when health is asked, then its checks are, also that of another service', async () => {
    const answer = await ask('health/ready')
    const body = (await answer.json()) as { uptime: number; checks: Record<string, { status: string }> }
    expect(answer.status).toBe(200)
    expect(Object.values(body.checks).map(({ status }) => status)).toEqual(['healthy', 'healthy'])
    expect(body.uptime).toBeLessThan(3600)
  })

  it('when headers are set, then they arrive', async () => {
    const { headers } = await ask('headers', { origin: 'https://app.example.com' })
    expect(headers.get('x-request-id')).toMatch(/^[\w-]{36}$/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('access-control-allow-origin')).toBe('https://app.example.com')
  })

  it('when the handler passes on an answer of fetch(), then it has the headers of both', async () => {
    const answer = await ask('proxied')
    expect([answer.status, await answer.text()]).toEqual([200, 'upstream'])
    expect(answer.headers.get('x-upstream')).toBe('yes')
    expect(answer.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/)
  })

  it('when something cannot run there, then its error names the runtime and what to use instead', async () => {
    const refused: Record<string, string> = JSON.parse(await (await ask('elsewhere')).text())
    if (runtime.name !== 'workerd') return expect(refused).toEqual({})
    expect(Object.keys(refused).sort()).toEqual(Object.keys(INSTEAD))
    for (const [name, text] of Object.entries(refused)) {
      expect(text).toMatch(
        /: option "runtime" is "Cloudflare-Workers"; allowed: Node, Bun or Deno, which have /,
      )
      expect(text.endsWith(`; ${INSTEAD[name]}`), text).toBe(true)
    }
  })
})
