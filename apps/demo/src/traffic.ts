/** Plays normal users, a brute force and a noisy tenant against a demo that runs: `npm run demo:traffic [url]`. */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import type { Credentials } from './people.js'
import { type Actor, actors } from './traffic/actors.js'
import { type Fate, TrafficClient } from './traffic/client.js'
import { FATES, progressLine, sum, type Tally, table } from './traffic/table.js'

const DURATION_MS = 8000
const LONGEST_MS = 20_000
const TICK_MS = 200
/** Of a network that is for tests of networks (RFC 2544), as are those of the cast. */
const SELF = '198.18.0.255'
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}

function originOf(given: string | undefined): URL {
  const text = given ?? `http://localhost:${process.env['PORT'] ?? 3000}`
  const origin = URL.canParse(text) ? new URL(text) : undefined
  if (origin?.protocol !== 'http:') fail(`"${text}" is not the URL of a demo; allowed: http://host:port`)
  return origin
}

async function credentialsOf(origin: URL): Promise<Credentials> {
  const client = new TrafficClient(origin, { forwarded: SELF })
  const { status, text } = await client.ask('/demo/credentials')
  client.close()
  if (status === 200) return JSON.parse(text) as Credentials
  if (status !== 0)
    fail(`${origin.origin} answers ${status}: no demo, one in production, or it has banned you`)
  return fail(
    `Nothing listens on ${origin.origin}. Start it with "npm run demo", or name another: npm run demo:traffic -- http://localhost:3001`,
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

async function play(actor: Actor, clients: readonly TrafficClient[], tally: Tally, until: () => boolean) {
  await Promise.all(
    clients.map(async (client, lane) => {
      for (let turn = lane; !until(); turn++) {
        const { path, ...ask } = actor.next(turn)
        const { fate } = await client.ask(path, ask)
        tally.set(fate, (tally.get(fate) ?? 0) + 1)
        await pause(actor.everyMs)
      }
    }),
  )
}

async function run(): Promise<void> {
  const origin = originOf(process.argv[2])
  const credentials = await credentialsOf(origin)
  const hasAddresses = await hasManyAddresses(origin)
  if (!hasAddresses)
    console.log(
      'This machine has one address; start the demo with DEMO_TRUST_LOOPBACK=1, or all clients are one.',
    )

  // New ones for each run, so that the limits and bans of the last one are not this one's.
  const run = randomInt(0, 256)
  let last = randomInt(1, 200)
  const newClient = () => {
    const host = `${run}.${last++}`
    const socket = hasAddresses ? `127.18.${host}` : undefined
    return new TrafficClient(origin, { socket, forwarded: `198.18.${host}` })
  }
  const cast = actors(credentials).map(actor => ({
    actor,
    tally: new Map() as Tally,
    clients: Array.from({ length: actor.addresses }, newClient),
  }))
  let isOver = false
  const playing = Promise.all(
    cast.map(({ actor, clients, tally }) => play(actor, clients, tally, () => isOver)),
  )

  const count = (fate: Fate) => cast.reduce((total, { tally }) => total + (tally.get(fate) ?? 0), 0)
  const line = progressLine()
  for (let passed = 0; !isOver; passed += TICK_MS) {
    await pause(TICK_MS)
    // A busy machine takes its time over passwords; the ban is worth waiting for.
    isOver = passed >= (count('banned') > 0 ? DURATION_MS : LONGEST_MS)
    line.show(
      `${(passed / 1000).toFixed(1)} s: ${FATES.map(fate => `${count(fate)} ${fate}`).join(', ')}`,
      isOver,
    )
  }
  await playing

  const tallies = new Map(cast.map(({ actor, tally }) => [actor.name, tally]))
  const all: Tally = new Map(FATES.map(fate => [fate, count(fate)]))
  console.log(`\n${table(tallies.set('all together', all))}\n`)
  for (const { clients } of cast) for (const client of clients) client.close()
  await showBans(origin, credentials, `.18.${run}.`)
  if (sum(all) === (all.get('failed') ?? 0)) fail('Not one request was answered.')
}

/** What the operator sees now. */
async function showBans(origin: URL, { tokens }: Credentials, network: string): Promise<void> {
  const operator = new TrafficClient(origin, { forwarded: SELF })
  const authorization = `Bearer ${tokens.find(({ scopes }) => scopes.includes('security:admin'))?.token}`
  const { status, text } = await operator.ask('/admin/security/bans?limit=500', {
    headers: { Authorization: authorization },
  })
  operator.close()
  if (status !== 200) return console.log(`The operator was answered ${status}.`)
  const { data } = JSON.parse(text) as { data: { ip: string; jail: string; violations: number }[] }
  for (const { ip, jail, violations } of data.filter(one => one.ip.includes(network)))
    console.log(`banned: ${ip} by the jail "${jail}" for ${violations} violations; lifted by
  curl -X DELETE ${origin.origin}/admin/security/bans/${ip} -H 'Authorization: Bearer <token of olga>'`)
}

await run()
