import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Middleware, pipeline } from '@palisade/core'
import { expect, test } from 'vitest'
import { toNode } from '../src/node.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => void

const gathers: Middleware = {
  name: 'gathers',
  onRequest(ctx) {
    ctx.appendHeader('Vary', 'Origin')
    ctx.appendHeader('Set-Cookie', 'ours=1')
  },
}

/** The answer of a real server: the status line and the fields of it that are asked for here. */
async function answerOf(handler: Handler) {
  const server = createServer(handler)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    const res = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ port: (server.address() as AddressInfo).port, agent: false }, resolve).on('error', reject)
    })
    res.resume()
    const { vary, 'set-cookie': cookies, 'x-own': own } = res.headers
    return { status: res.statusCode, reason: res.statusMessage, vary, cookies, own }
  } finally {
    server.close()
  }
}

const calls: Readonly<Record<string, (res: ServerResponse) => void>> = {
  'with an object': res => res.writeHead(201, { Vary: 'Accept', 'Set-Cookie': 'theirs=1', 'X-Own': '1' }),
  'with an object of lists': res =>
    res.writeHead(201, { Vary: ['Accept', 'Cookie'], 'Set-Cookie': ['theirs=1', 'theirs=2'] }),
  'with a list': res => res.writeHead(201, ['Vary', 'Accept', 'X-Own', '1', 'Set-Cookie', 'theirs=1']),
  'with a list that names a field twice': res =>
    res.writeHead(201, ['Set-Cookie', 'theirs=1', 'X-Own', '1', 'Set-Cookie', 'theirs=2', 'X-Own', '2']),
  'with a list that replaces a field': res => {
    res.setHeader('X-Own', 'set')
    res.writeHead(201, ['X-Own', '1', 'Vary', 'Accept'])
  },
  'with a reason and an object': res => res.writeHead(201, 'Fine', { Vary: 'Accept', 'X-Own': '1' }),
  'with a reason and a list': res => res.writeHead(201, 'Fine', ['Vary', 'Accept', 'X-Own', '1']),
  'with a reason and a list of other fields': res => res.writeHead(201, 'Fine', ['X-Own', '1']),
  'with a reason alone': res => res.writeHead(201, 'Fine'),
  'with no reason and an object': res => res.writeHead(201, undefined, { Vary: 'Accept', 'X-Own': '1' }),
  'without fields, once they are set': res => {
    res.setHeader('Vary', 'Accept')
    res.setHeader('Set-Cookie', 'theirs=1')
    res.writeHead(201)
  },
}

test.each(Object.entries(calls))(
  'given Vary and a cookie of a middleware, when a handler writes the head %s, then the rest is as without the middleware',
  async (_, write) => {
    const handler: Handler = (_req, res) => {
      write(res)
      res.end()
    }
    const bare = await answerOf(handler)
    const guarded = await answerOf(toNode(pipeline().use(gathers), handler))
    expect(guarded).toEqual({
      ...bare,
      vary: ['Origin', ...(bare.vary === undefined ? [] : [bare.vary])].join(', '),
      cookies: ['ours=1', ...(bare.cookies ?? [])],
    })
  },
)
