import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Answer = (req: IncomingMessage, res: ServerResponse) => void

/** An issuer's key server on a real socket, that does as it is told. */
export async function jwksServer() {
  const requests: IncomingMessage[] = []
  let answer: Answer = (_, res) => res.end('{}')
  const server = createServer((req, res) => {
    requests.push(req)
    answer(req, res)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    uri: `http://127.0.0.1:${port}/jwks`,
    requests,
    answers(next: Answer) {
      answer = next
    },
    publishes(...keys: object[]) {
      answer = (_, res) => {
        res.setHeader('Content-Type', 'application/jwk-set+json')
        res.end(JSON.stringify({ keys }))
      }
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
