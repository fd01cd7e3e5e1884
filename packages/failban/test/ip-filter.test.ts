import { type PipelineOptions, pipeline, trustedProxies } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import { describe, expect, it } from 'vitest'
import { type IpFilterOptions, ipFilter } from '../src/index.js'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const behind: PipelineOptions = { trust: trustedProxies(['10.0.0.1']) }

async function statusOf(options: IpFilterOptions, ip: string | null, services: PipelineOptions = {}) {
  const headers = services.trust === undefined || ip === null ? {} : { 'x-forwarded-for': ip }
  const peer = services.trust === undefined ? ip : '10.0.0.1'
  return (await inject(pipeline(services).use(ipFilter(options)), { peer, headers })).status
}

describe('ipFilter', () => {
  it.each<[IpFilterOptions, string | null, number]>([
    [{ allow: ['10.0.0.0/8'] }, '10.1.2.3', 200],
    [{ allow: ['10.0.0.0/8'] }, '::ffff:10.1.2.3', 200],
    [{ allow: ['10.0.0.0/8'] }, '11.1.2.3', 403],
    [{ allow: ['10.0.0.0/8'] }, null, 403],
    [{ allow: [] }, '10.1.2.3', 403],
    [{ deny: ['203.0.113.0/24'] }, '203.0.113.9', 403],
    [{ deny: ['203.0.113.0/24'] }, '203.0.114.9', 200],
    [{ deny: ['203.0.113.0/24'] }, null, 200],
    [{ allow: ['10.0.0.0/8'], deny: ['10.6.6.0/24'] }, '10.6.6.6', 403],
    [{ allow: ['10.0.0.0/8'], deny: ['10.6.6.0/24'] }, '10.6.7.6', 200],
    [{ deny: ['2001:db8::/32'] }, '2001:db8:1::1', 403],
  ])('given %j, when %s comes, then %d', async (options, ip, status) => {
    expect(await statusOf(options, ip)).toBe(status)
  })

  it('given an IPv4 client behind a translator, then it is denied as itself, and allowed only as it comes', async () => {
    const statusFor = (options: IpFilterOptions) => statusOf(options, '64:ff9b::192.0.2.33')
    expect(await statusFor({ deny: ['192.0.2.0/24'] })).toBe(403)
    expect(await statusFor({ allow: ['192.0.2.0/24'] })).toBe(403)
    expect(await statusFor({ allow: ['64:ff9b::/96'] })).toBe(200)
    expect(await statusFor({ allow: ['64:ff9b::/96'], deny: ['192.0.2.33'] })).toBe(403)
  })

  it('given a garbage header from a proxy in an allowed network, then the proxy does not pass for the client', async () => {
    const options = { allow: ['10.0.0.0/8'] }
    expect(await statusOf(options, '10.1.2.3', behind)).toBe(200)
    expect(await statusOf(options, 'unknown', behind)).toBe(403)
    expect(await statusOf(options, null, behind)).toBe(403)
  })

  it('given a key of its own, then that is looked up, and no address fails closed', async () => {
    const edge = pipeline().use(ipFilter({ allow: ['10.0.0.0/8'], key: ctx => ctx.header('x-real') }))
    expect((await inject(edge, { headers: { 'x-real': '10.0.0.5' } })).status).toBe(200)
    expect((await inject(edge, { headers: { 'x-real': 'nonsense' } })).status).toBe(403)
    expect((await inject(edge)).status).toBe(403)
  })

  it.each<[string, () => unknown]>([
    ['promises one', async () => '10.0.0.5'],
    ['rejects', async () => Promise.reject(new Error('down'))],
    ['has a number', () => 10],
    ['has none', () => null],
  ])('given a key that %s instead of an address, then it is a mistake, and refuses', async (_, key) => {
    for (const options of [{ allow: ['10.0.0.0/8'] }, { deny: ['192.0.2.0/24'] }]) {
      const edge = pipeline({ logger: silent }).use(ipFilter({ ...options, key: key as () => string }))
      expect((await inject(edge)).status).toBe(500)
      // An unhandled rejection would end the process, and fails this run.
      await new Promise(resolve => setImmediate(resolve))
    }
  })

  it('given a refusal, then it says nothing of the lists and may not be stored', async () => {
    const denied: unknown[] = []
    const edge = pipeline().use(ipFilter({ deny: ['203.0.113.9'] }))
    edge.events.on('decision:refused', event => denied.push(event))
    const { status, headers, body } = await inject(edge)
    expect([status, headers['cache-control']]).toEqual([403, 'no-store'])
    expect(body).not.toContain('list')
    expect(denied).toMatchObject([{ by: 'ip-filter', reason: 'on the deny list' }])
  })

  it('given shadow mode, then it lets through and tells', async () => {
    const told: unknown[] = []
    const edge = pipeline().use(ipFilter({ deny: ['203.0.113.9'], mode: 'shadow' }))
    edge.events.on('*', (event, name) => told.push({ name, ...event }))
    expect((await inject(edge)).status).toBe(200)
    const decision = { by: 'ip-filter', rule: 'deny', enforced: false, reason: 'on the deny list' }
    expect(told).toMatchObject([
      { name: 'request:start' },
      { name: 'decision:refused', ...decision },
      { name: 'request:end' },
    ])
  })
})
