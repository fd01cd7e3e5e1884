import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { arrive } from '../src/load/arrivals.js'
import { Load } from '../src/load/burst.js'
import { issueCredentials } from '../src/load/issuer.js'
import { pageRequests } from '../src/load/request.js'
import { countIn } from '../src/measure/exposition.js'
import { type LoadSample, loadSummary } from '../src/measure/under-load.js'
import { seeded } from '../src/rows/random.js'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function loadOn(answer: (respond: () => void) => void, connections: number): Promise<Load> {
  server = createServer((_req, res) => answer(() => res.setHeader('Content-Length', 2).end('ok')))
  await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return Load.open(port, connections, pageRequests(port, 'edge', issueCredentials()))
}

describe('requests that arrive by themselves', () => {
  it('are as many as the rate says, each with a latency', async () => {
    const load = await loadOn(respond => respond(), 8)
    const latencies = await arrive(load, {
      perSecond: 1_000,
      seconds: 0.2,
      settleSeconds: 0,
      random: seeded(1),
    })
    load.close()
    // 200 in the mean, and six standard deviations around it.
    expect(latencies.length).toBeGreaterThan(115)
    expect(latencies.length).toBeLessThan(285)
    expect(Math.min(...latencies)).toBeGreaterThan(0)
  })

  it('arrive also while the server stands still, and who waits for a connection is counted from the arrival', async () => {
    let isStanding = false
    let release = () => {}
    const load = await loadOn(respond => {
      if (isStanding) release = respond
      else respond()
    }, 1)
    isStanding = true
    const pauses: number[] = []
    const next = seeded(2)
    const random = () => {
      const number = next()
      pauses.push(-Math.log((number + 1) / 2 ** 32) * 5)
      if (pauses.length === 10) {
        isStanding = false
        release()
      }
      return number
    }
    const latencies = await arrive(load, { perSecond: 200, seconds: 0.1, settleSeconds: 0, random })
    load.close()
    expect(latencies.length).toBeGreaterThan(9)
    // No request was answered before the ninth had arrived. Each request therefore waited at least
    // for the later arrivals.
    const sum = (list: readonly number[]) => list.reduce((total, pause) => total + pause, 0)
    for (const [i, latency] of latencies.slice(0, 8).entries())
      expect(latency).toBeGreaterThanOrEqual(sum(pauses.slice(i + 1, 9)) - 1e-6)
  })
})

describe('what is reported', () => {
  const bare = { stack: 'full', host: 'koa', variant: 'bare' } as const
  const start = (p99: readonly number[], cell: LoadSample['cell'] = bare): LoadSample => ({
    cell,
    saturating: 10,
    rate: 5,
    p50: [1],
    p99,
    residentMiB: 60,
  })

  it('takes the median of all rounds, and the best start', () => {
    expect(loadSummary([start([2, 3, 4]), start([8, 9, 10])])).toEqual([
      {
        ...bare,
        saturating: 10,
        rate: 5,
        p50: 1,
        p99: 6,
        p99OverBare: undefined,
        bestP99: 3,
        residentMiB: 60,
      },
    ])
  })

  it('takes what a variant adds within each round, so that a slow round does not count', () => {
    const palisade = { ...bare, variant: 'palisade' } as const
    const [, added] = loadSummary([
      start([2, 30, 4]),
      start([2.5, 30.5, 4.5], palisade),
      start([8, 9, 10]),
      start([8.5, 9.5, 10.5], palisade),
    ])
    expect(added).toMatchObject({ variant: 'palisade', p99OverBare: 0.5 })
  })

  it('reads counts from any exposition, without those of the metrics page itself', () => {
    expect(
      countIn(
        [
          'http_request_duration_seconds_count{method="GET",route="/orders",status="200"} 7',
          'http_request_duration_seconds_count{method="GET",route="/orders",status="401"} 2',
          'http_request_duration_seconds_count{status_code="200",method="GET",path="/metrics"} 1',
          'http_request_duration_seconds_bucket{le="1",status="200"} 7',
        ].join('\n'),
      ),
    ).toBe(7)
  })
})
