/**
 * Plays normal users, a brute force and a noisy tenant against a demo that runs:
 * `npm run demo:traffic [url]`.
 */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import type { Credentials } from './people.js'
import { actors } from './traffic/actors.js'
import { TrafficClient } from './traffic/client.js'
import { operator } from './traffic/operator.js'
import { play } from './traffic/play.js'
import { progressLine, table } from './traffic/table.js'

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}

function originOf(given: string | undefined): URL {
  const text = given ?? `http://localhost:${process.env['PORT'] || 3000}`
  const origin = URL.canParse(text) ? new URL(text) : undefined
  if (origin?.protocol !== 'http:') fail(`"${text}" is not the URL of a demo; allowed: http://host:port`)
  return origin
}

async function credentialsOf(origin: URL, client: TrafficClient): Promise<Credentials> {
  const { status, text } = await client.ask('/demo/credentials')
  if (status === 200) return JSON.parse(text) as Credentials
  if (status === 403) fail(`The demo at ${origin.origin} has banned you.`)
  if (status !== 0)
    fail(`${origin.origin} answers ${status}: no demo, or one in production, which tells nobody credentials`)
  return fail(
    `Nothing listens on ${origin.origin} (${text}). Start it with "npm run demo", or name another: npm run demo:traffic -- http://localhost:3001`,
  )
}

/** Whether this machine may speak from any address of 127.0.0.0/8. macOS knows 127.0.0.1 only. */
function hasManyAddresses(origin: URL): Promise<boolean> {
  if (!/^(?:localhost|127\..*)$/.test(origin.hostname)) return Promise.resolve(false)
  return new Promise(resolve => {
    const probe = createServer()
      .once('error', () => resolve(false))
      .listen(0, '127.7.7.7', () => probe.close(() => resolve(true)))
  })
}

async function run(): Promise<void> {
  const origin = originOf(process.argv[2])
  const hasAddresses = await hasManyAddresses(origin)
  const network = randomInt(0, 256)
  let host = randomInt(1, 200)
  const clients: TrafficClient[] = []
  const newClient = () => {
    const end = `18.${network}.${host++}`
    // Of a network that is for tests of networks (RFC 2544).
    const addresses = { forwarded: `198.${end}`, ...(hasAddresses && { socket: `127.${end}` }) }
    const client = new TrafficClient(origin, addresses)
    clients.push(client)
    return client
  }

  const admin = newClient()
  const credentials = await credentialsOf(origin, admin)
  if (!hasAddresses)
    console.log(
      'All clients have one address here: unless the demo was started with DEMO_TRUST_LOOPBACK=1, they share their limits, and the table is another.',
    )
  const olga = operator(admin, credentials)
  const tenant = await olga.newTenant()
  const tallies = await play(actors(credentials, tenant.key), {
    newClient,
    pause: ms => new Promise(resolve => setTimeout(resolve, ms)),
    onAnswer: progressLine(),
  })
  console.log(`\n${table(tallies)}\n`)

  await olga.revoke(tenant)
  const ours = new Set(clients.flatMap(({ addresses }) => addresses))
  for (const { ip, jail, violations } of (await olga.bans()).filter(ban => ours.has(ban.ip)))
    console.log(`banned: ${ip} by the jail "${jail}" for ${violations} violations; lifted by
  curl -X DELETE ${origin.origin}/admin/security/bans/${ip} -H 'Authorization: Bearer <token of olga>'`)
  admin.close()
}

await run().catch((error: Error) => fail(error.message))
