import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toNode } from '@palisade/adapters/node'
import { pipeline } from '@palisade/core'
import { afterAll, describe, expect, test } from 'vitest'
import { bare, blockWith } from '../../../../test/support/documented-block.js'
import { passOn } from './pass-on.js'

const servers: Server[] = []
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('given the example of the README of core that passes requests on', () => {
  test('then it is the code that runs here', () => {
    const block = blockWith('passOn', new URL('../../../core/README.md', import.meta.url))
    expect(bare(readFileSync(new URL('./pass-on.ts', import.meta.url), 'utf8'))).toBe(bare(block))
  })

  test('when a large upload is sent back by the other server then the client has all of it', async () => {
    const echo = await listen((req, res) => void req.pipe(res))
    const proxy = await listen(toNode(pipeline().use(passOn(echo)), () => {}))
    const body = 'abc'.repeat(1_000_000)
    const answer = await fetch(proxy, { method: 'POST', body })
    expect((await answer.text()) === body).toBe(true)
  })

  test('when the other server refuses before it has read the body then the client has the refusal', async () => {
    const refusing = await listen(
      (_req, res) => void res.writeHead(413, { Connection: 'close' }).end('too large'),
    )
    const proxy = await listen(toNode(pipeline().use(passOn(refusing)), () => {}))
    const answer = await fetch(proxy, { method: 'POST', body: 'abc'.repeat(10_000) })
    expect([answer.status, await answer.text()]).toEqual([413, 'too large'])
  })
})
