import { Reply } from '@palisade/core'
import { inject } from '@palisade/core/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recorder } from '../support/recorder.js'
import { samplesOf, stand } from '../support/stand.js'

const counts = async (own: { text(): Promise<string> }, name = 'http_requests_total') =>
  Object.fromEntries([...samplesOf(await own.text())].filter(([series]) => series.startsWith(`${name}{`)))

describe('what is counted', () => {
  it('given requests, when they end, then each is counted once by method, template and status', async () => {
    const { metrics: own, send } = stand()
    await send({ url: '/orders/1', route: '/orders/:id' })
    await send({ url: '/orders/2?x=y', route: '/orders/:id' })
    await send({ url: '/orders/2', route: '/orders/:id', status: 404 })
    await send({ url: '/orders/2', route: '/orders/:id', method: 'HEAD' })
    await send({ url: '/wp-login.php', status: 404 })
    await send({ url: '/orders/1', route: '/orders/:id', method: 'BREW' })
    expect(await counts(own)).toEqual({
      'http_requests_total{method="GET",route="/orders/:id",status="200"}': '2',
      'http_requests_total{method="GET",route="/orders/:id",status="404"}': '1',
      'http_requests_total{method="HEAD",route="/orders/:id",status="200"}': '1',
      'http_requests_total{method="GET",route="_unmatched",status="404"}': '1',
      'http_requests_total{method="_OTHER",route="/orders/:id",status="200"}': '1',
    })
  })

  it('given a refusal and a failure behind it, then they are counted like all others', async () => {
    const gate = {
      name: 'gate',
      onRequest(ctx: { deny: (denial: object) => Reply; path: string }) {
        if (ctx.path === '/closed') return ctx.deny({ status: 403, code: 'FORBIDDEN', message: 'no' })
        throw new TypeError('boom')
      },
    }
    const { metrics: own, send } = stand({}, { behind: [gate as never] })
    await send({ url: '/closed' })
    await send({ url: '/broken' })
    expect(await counts(own)).toEqual({
      'http_requests_total{method="GET",route="_unmatched",status="403"}': '1',
      'http_requests_total{method="GET",route="_unmatched",status="500"}': '1',
    })
  })

  it('given a client that left before the headers, then it is a 499, and aborted', async () => {
    const { metrics: own, send } = stand()
    await send({ route: '/slow', abort: true })
    const labels = '{method="GET",route="/slow",status="499"}'
    expect(await counts(own)).toEqual({ [`http_requests_total${labels}`]: '1' })
    expect(await counts(own, 'http_requests_aborted_total')).toEqual({
      [`http_requests_aborted_total${labels}`]: '1',
    })
  })

  it('given a client that left in the middle, then it has the status that was sent, and is aborted', () => {
    const { record, series: all } = recorder()
    record(1, 0, { route: '/download', aborted: true, responseBytes: 10 })
    const [series] = all()
    expect(series).toMatchObject({ status: '200', count: 1, aborted: 1 })
    expect(series?.responseSizes.count).toBe(0)
  })

  it('given requests that have not ended, then they are in flight, and no others', async () => {
    const { metrics: own, edge, send } = stand()
    await send()
    let answer = (_: Reply) => {}
    const waits = () =>
      new Promise<Reply>(resolve => {
        answer = resolve
      })
    const pending = inject(edge, { handler: waits })
    await Promise.resolve()
    expect(samplesOf(await own.text()).get('http_requests_in_flight')).toBe('1')
    answer(new Reply(200))
    await pending
    expect(samplesOf(await own.text()).get('http_requests_in_flight')).toBe('0')
  })

  it('given durations, then each falls into the first bucket that holds it', async () => {
    const { metrics: own, send } = stand({ buckets: [0.1, 1] })
    for (const ms of [100, 101, 5000]) await send({ route: '/a', ms })
    const samples = samplesOf(await own.text())
    const labels = 'method="GET",route="/a",status="200"'
    const of = (suffix: string) => samples.get(`http_request_duration_seconds_${suffix}`)
    expect(of(`bucket{${labels},le="0.1"}`)).toBe('1')
    expect(of(`bucket{${labels},le="1"}`)).toBe('2')
    expect(of(`bucket{${labels},le="+Inf"}`)).toBe('3')
    expect(of(`count{${labels}}`)).toBe('3')
    expect(Number(of(`sum{${labels}}`))).toBeCloseTo(5.201)
  })

  it.each([
    ['12', '1'],
    ['0', '1'],
    ['-1', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['1000000000000000000', undefined],
    ['', undefined],
  ])('given Content-Length "%s", then its size is counted %s times', async (length, count) => {
    const { metrics: own, send } = stand()
    await send({ method: 'POST', route: '/a', headers: { 'content-length': length } })
    const series = 'http_request_size_bytes_count{method="POST",route="/a",status="200"}'
    expect(samplesOf(await own.text()).get(series)).toBe(count)
  })

  it('given the host says how long a response is, then that is counted, but not for HEAD and 304', () => {
    const { record, series } = recorder()
    record(1, 0, { responseBytes: 20 })
    record(1, 0)
    record(1, 0, { responseBytes: Number.NaN })
    record(1, 0, { method: 'HEAD', responseBytes: 20 })
    record(1, 0, { status: 304, responseBytes: 20 })
    const [get, head, unmodified] = series()
    expect(get?.responseSizes.sum).toBe(20)
    expect(head?.responseSizes.count).toBe(0)
    expect(unmodified?.responseSizes.count).toBe(0)
  })

  it('given a prefix and label names, then they are used throughout', async () => {
    const { metrics: own, send } = stand({
      prefix: 'api_gateway_',
      labels: { method: 'verb', route: 'path' },
    })
    await send({ route: '/a' })
    const text = await own.text()
    expect(text).toContain('api_gateway_http_requests_total{verb="GET",path="/a",status="200"} 1\n')
    for (const series of samplesOf(text).keys()) expect(series).toMatch(/^api_gateway_/)
  })

  it('given a template that a client could not forge, when its text has quotes, then the line holds', async () => {
    const { metrics: own, send } = stand()
    await send({ route: '/:id([^"\\n]+)\n' })
    expect(await own.text()).toContain('route="/:id([^\\"\\\\n]+)\\n"')
  })
})

describe('bounds', () => {
  it('given 10,000 strange requests, then the series stay within maxSeries and what is dropped is counted', async () => {
    const maxSeries = 50
    const { metrics: own, edge } = stand({ maxSeries, maxRoutes: 20 })
    const requests = fc.sample(
      fc.record({
        method: fc.oneof(fc.constantFrom('GET', 'POST', 'PUT'), fc.stringMatching(/^[A-Z]{1,12}$/)),
        url: fc.webPath().map(path => `/${path}`),
        route: fc.oneof(fc.constant(undefined), fc.stringMatching(/^\/[a-z]{1,6}\/:id$/)),
        status: fc.integer({ min: 200, max: 599 }),
      }),
      { numRuns: 10_000, seed: 42 },
    )
    for (const { status, route, ...request } of requests) {
      const known = route === undefined ? {} : { route }
      await inject(edge, { ...request, ...known, handler: new Reply(status, {}, null) })
    }
    const samples = samplesOf(await own.text())
    const series = [...samples].filter(([name]) => name.startsWith('http_requests_total{'))
    expect(series.length).toBe(maxSeries + 1)
    expect(series.reduce((sum, [, value]) => sum + Number(value), 0)).toBe(10_000)
    const overflown = series.filter(([name]) => name.includes('route="_overflow"'))
    expect(overflown.reduce((sum, [, value]) => sum + Number(value), 0)).toBe(
      Number(samples.get('metrics_series_dropped_total')),
    )
  })

  it('given more templates than maxRoutes, then the others share one, and known ones go on', async () => {
    const { metrics: own, send } = stand({ maxRoutes: 2 })
    for (const route of ['/a', '/b', '/c', '/d', '/a']) await send({ route })
    await send({ status: 404 })
    expect(await counts(own)).toEqual({
      'http_requests_total{method="GET",route="/a",status="200"}': '2',
      'http_requests_total{method="GET",route="/b",status="200"}': '1',
      'http_requests_total{method="GET",route="_overflow",status="200"}': '2',
      'http_requests_total{method="GET",route="_unmatched",status="404"}': '1',
    })
    expect(samplesOf(await own.text()).get('metrics_series_dropped_total')).toBe('2')
  })
})
