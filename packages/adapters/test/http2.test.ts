import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { connect, createServer, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { toNode } from '@palisade/adapters/node'
import { Reply } from '@palisade/core'
import { afterEach, expect, test } from 'vitest'
import { Probe } from './conformance/probe.js'

let server: Http2Server | undefined

afterEach(() => server?.close())

async function ask(
  listener: RequestListener,
  path: string,
): Promise<{ headers: Record<string, unknown>; body: string }> {
  server = createServer(listener as unknown as Parameters<typeof createServer>[1] & object)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const stream = session.request({ ':path': path })
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
  let body = ''
  for await (const chunk of stream) body += chunk
  session.close()
  return { headers, body }
}

test('given HTTP/2 when a request passes then early headers, path, address and outcome are as on HTTP/1.1', async () => {
  const probe = new Probe()
  const edge = probe.pipeline().use(
    probe.does(ctx => {
      ctx.setHeader('X-Early', ctx.path)
      ctx.appendHeader('Set-Cookie', 'a=1')
    }),
  )
  const { headers, body } = await ask(
    toNode(edge, (_req, res, ctx) => res.end(ctx.client.ip)),
    '/orders?x=1',
  )
  expect(headers).toMatchObject({ ':status': 200, 'x-early': '/orders', 'set-cookie': ['a=1'] })
  expect(body).toBe('127.0.0.1')
  await probe.settled()
  expect(probe.outcomes).toMatchObject([{ status: 200, aborted: false }])
})

test('given HTTP/2 when a middleware refuses or streams then it is answered', async () => {
  const probe = new Probe()
  const edge = probe.pipeline().use(
    probe.middleware('a', {
      onRequest: () =>
        new Reply(
          403,
          { 'Content-Type': 'text/plain' },
          (async function* () {
            yield 'no '
            yield 'entry'
          })(),
        ),
    }),
  )
  const { headers, body } = await ask(
    toNode(edge, () => {}),
    '/',
  )
  expect([headers[':status'], body]).toEqual([403, 'no entry'])
  await probe.settled()
  expect(probe.outcomes).toMatchObject([{ status: 403, aborted: false }])
})
