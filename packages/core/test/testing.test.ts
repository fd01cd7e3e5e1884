import { describe, expect, it } from 'vitest'
import { pipeline, Reply, RequestError } from '../src/index.js'
import { fakeClock, inject } from '../src/testing.js'
import { memoryLogger } from './support/memory-logger.js'

describe('inject runs a pipeline without a server', () => {
  it('given nothing, when injected, then it is a GET of / that the handler answers', async () => {
    const { status, body, headers, passed, ctx } = await inject(pipeline())
    expect([status, body, headers, passed]).toEqual([200, 'ok', {}, true])
    expect([ctx.method, ctx.url, ctx.peer]).toEqual(['GET', '/', '203.0.113.9'])
  })

  it('given a request, when injected, then the middleware sees it', async () => {
    const { ctx } = await inject(pipeline(), {
      method: 'PUT',
      url: '/a?b=c',
      peer: '2001:db8::1',
      headers: { 'X-One': '1', Accept: ['text/html', 'text/plain'] },
    })
    expect(ctx.header('x-one')).toBe('1')
    expect(ctx.header('accept')).toBe('text/html, text/plain')
    expect(ctx.header('x-none')).toBeUndefined()
    expect(ctx.headers()).toEqual([
      ['x-one', '1'],
      ['accept', 'text/html'],
      ['accept', 'text/plain'],
    ])
    expect([ctx.path, ctx.query.get('b'), ctx.client.key]).toEqual(['/a', 'c', '2001:db8::/64'])
    const nobody = await inject(pipeline(), { peer: null })
    expect(nobody.ctx.client).toEqual({ ip: undefined, key: undefined, bannable: false })
  })

  it('given a middleware that peeks when another reads the body then it has all of it, and a third has none', async () => {
    const logger = memoryLogger()
    const seen: unknown[] = []
    const edge = pipeline({ logger }).use({
      name: 'reads',
      async onRequest(ctx) {
        const { bytes, complete } = await ctx.peek(2)
        seen.push(new TextDecoder().decode(bytes), complete)
        for await (const part of ctx.body()) seen.push(new TextDecoder().decode(part))
        await ctx.bytes(10)
      },
    })
    expect((await inject(edge, { method: 'POST', body: 'hello' })).status).toBe(500)
    expect(seen).toEqual(['he', false, 'hello'])
    expect(logger.lines[0]?.fields['err']).toMatchObject({ message: expect.stringContaining('already read') })
  })

  it('given a middleware that asks for a field in mixed case, when injected, then it is told, as Node would find none', async () => {
    const logger = memoryLogger()
    const edge = pipeline({ logger }).use({ name: 'mixed', onRequest: ctx => void ctx.header('X-One') })
    expect((await inject(edge, { headers: { 'X-One': '1' } })).status).toBe(500)
    expect(logger.lines[0]?.fields['err']).toMatchObject({ message: expect.stringContaining('"x-one"') })
  })

  it('given headers set early, when the handler answers, then both are sent and the handler’s own win', async () => {
    const edge = pipeline().use({
      name: 'early',
      onRequest(ctx) {
        ctx.setHeader('X-Early', '1')
        ctx.setHeader('X-Both', 'early')
        ctx.appendHeader('Set-Cookie', 'a=1')
      },
    })
    const { headers, setCookie } = await inject(edge, {
      handler: new Reply(200, { 'X-Both': 'late', 'Set-Cookie': ['b=2', 'c=3'] }),
    })
    expect(headers).toMatchObject({ 'x-early': '1', 'x-both': 'late' })
    expect(setCookie).toEqual(['a=1', 'b=2', 'c=3'])
  })

  it('given a header with a line break, when it is set, then it throws', async () => {
    const edge = pipeline({ logger: memoryLogger() }).use({
      name: 'split',
      onRequest: ctx => ctx.setHeader('X-A', 'a\r\nX-B: b'),
    })
    const { status, headers } = await inject(edge)
    expect(status).toBe(500)
    expect(headers).not.toHaveProperty('x-b')
  })

  it.each([
    ['text', 'grüße', 'grüße'],
    ['bytes', new TextEncoder().encode('grüße'), 'grüße'],
    ['nothing', null, ''],
    [
      'a stream that parts a character',
      (async function* () {
        const bytes = new TextEncoder().encode('ü!')
        yield bytes.slice(0, 1)
        yield bytes.slice(1)
        yield '?'
      })(),
      'ü!?',
    ],
  ])('given a body that is %s, when injected, then it is read as text', async (_, body, read) => {
    expect((await inject(pipeline(), { handler: new Reply(200, {}, body) })).body).toBe(read)
  })

  it('given a handler that throws, when injected, then it is answered by the pipeline’s renderer', async () => {
    const logger = memoryLogger()
    const failing = await inject(pipeline({ logger }), {
      handler: () => {
        throw new Error('boom')
      },
    })
    expect([failing.status, failing.passed]).toEqual([500, true])
    expect(logger.lines).toMatchObject([{ message: 'the handler failed' }])
    const refusing = await inject(pipeline({ logger }), {
      handler: async () => {
        throw new RequestError(404, 'No such order')
      },
    })
    expect(refusing.json()).toMatchObject({ error: { code: 'NOT_FOUND', message: 'No such order' } })
  })

  it('given a request body, when a middleware reads it, then the limit holds', async () => {
    const reading = (limit: number) =>
      pipeline().use({
        name: 'reading',
        async onRequest(ctx) {
          return new Reply(200, {}, await ctx.bytes(limit))
        },
      })
    expect((await inject(reading(5), { body: '12345' })).body).toBe('12345')
    expect((await inject(reading(4), { body: '12345' })).status).toBe(413)
  })
})

describe('the fake clock stands still until it is moved', () => {
  it('given an advance, when both times are read, then both moved', () => {
    const clock = fakeClock(1000)
    expect([clock.now(), clock.monotonic()]).toEqual([1000, 0])
    clock.advance(250)
    expect([clock.now(), clock.monotonic()]).toEqual([1250, 250])
  })

  it('given the time of day steps back, when the steady time is read, then it has not moved', () => {
    const clock = fakeClock(1000)
    clock.set(0)
    expect([clock.now(), clock.monotonic()]).toEqual([0, 0])
  })

  it.each([-1, Number.NaN])('given an advance by %s, when it is asked for, then it is refused', ms => {
    expect(() => fakeClock().advance(ms)).toThrow(RangeError)
  })
})
