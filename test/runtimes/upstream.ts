import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** Signs tokens of the issuer whose keys `upstream()` publishes. */
export { privateKey }

/** What an application asks: an issuer's key set, and a service behind it. */
export async function upstream() {
  const server = createServer((req, res) => {
    if (req.url !== '/jwks') return res.setHeader('X-Upstream', 'yes').end('upstream')
    const key = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' }
    return res.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys: [key] }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, close: () => server.close() && server.closeAllConnections() }
}
