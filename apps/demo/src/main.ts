import { once } from 'node:events'
import { createServer } from 'node:net'
import { ConfigError, trustedProxies } from '@palisade/core'
import { gracefulShutdown, lifecycle } from '@palisade/health'
import { banner } from './banner.js'
import type { StartHost } from './hosts/host.js'
import { orderBook } from './orders.js'
import { demoPeople } from './people.js'
import { protection } from './protection.js'
import { type Settings, settingsOf } from './settings.js'
import { openStores } from './stores.js'

const HOSTS: Readonly<Record<string, () => Promise<{ start: StartHost }>>> = {
  express: () => import('./hosts/express.js'),
  fastify: () => import('./hosts/fastify.js'),
  hono: () => import('./hosts/hono.js'),
  koa: () => import('./hosts/koa.js'),
  node: () => import('./hosts/node.js'),
}

/** For what a person can put right, a sentence; for all else, the stack. */
function fail(error: NodeJS.ErrnoException, port?: number): never {
  if (error.code === 'EADDRINUSE')
    console.error(`port ${port} is in use; choose another with PORT, or PORT=0 for a free one`)
  else console.error(port === undefined || error instanceof ConfigError ? error.message : error)
  process.exit(1)
}

/** Before anything is opened: a second demo on a port would else stumble over the files of the first. */
async function refuseTakenPort(port: number): Promise<void> {
  const probe = createServer().listen(port)
  await once(probe, 'listening')
  await once(probe.close(), 'close')
}

async function run(settings: Settings): Promise<void> {
  await refuseTakenPort(settings.port)
  const life = lifecycle()
  const stores = openStores(settings)
  const people = await demoPeople()
  const wall = protection({
    people,
    bans: stores.bans,
    checks: stores.checks,
    lifecycle: life,
    ...(stores.limits && { limits: stores.limits }),
    ...(settings.trustsLoopback && { trust: trustedProxies(['loopback']) }),
    logsRequests: settings.logsRequests,
  })
  const { start } = await (HOSTS[settings.framework] as () => Promise<{ start: StartHost }>)()
  const shop = { orders: await orderBook(stores.db), people }
  await wall.bans.ready()
  const running = await start(wall, shop, settings.port)
  gracefulShutdown(running.server, {
    lifecycle: life,
    pipeline: wall.edge,
    handlers: [() => stores.close(), () => running.close()],
  })
  console.log(banner(settings, stores, running.port))
}

try {
  const settings = settingsOf(process.env)
  await run(settings).catch(error => fail(error, settings.port))
} catch (error) {
  fail(error as Error)
}
