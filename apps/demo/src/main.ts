import { once } from 'node:events'
import { createServer } from 'node:net'
import { constants } from 'node:os'
import { trustedProxies } from '@palisade/core'
import { gracefulShutdown, lifecycle } from '@palisade/health'
import { banner } from './banner.js'
import type { StartHost } from './hosts/host.js'
import { orderBook } from './orders.js'
import { demoPeople } from './people.js'
import { protection } from './protection.js'
import { type Settings, StartError, settingsOf } from './settings.js'
import { openStores, unusable } from './stores.js'

const HOSTS: Readonly<Record<string, () => Promise<{ start: StartHost }>>> = {
  express: () => import('./hosts/express.js'),
  fastify: () => import('./hosts/fastify.js'),
  hono: () => import('./hosts/hono.js'),
  koa: () => import('./hosts/koa.js'),
  node: () => import('./hosts/node.js'),
}

/** For what a person can put right, a sentence; for all else, the stack. */
function fail(error: unknown): never {
  console.error(error instanceof StartError ? error.message : error)
  process.exit(1)
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * While the demo starts there is nothing to drain, but a directory to remove, as every exit does
 * and no signal.
 */
function leaveOnSignals(): () => void {
  const leave = (signal: (typeof SIGNALS)[number]) => process.exit(128 + constants.signals[signal])
  for (const signal of SIGNALS) process.on(signal, leave)
  return () => {
    for (const signal of SIGNALS) process.off(signal, leave)
  }
}

/**
 * Runs before anything is opened. Otherwise a second demo on the same port would fail at the files
 * of the first.
 *
 * @throws StartError
 */
async function refuseTakenPort({ port, host }: Settings): Promise<void> {
  const probe = createServer().listen(port, host)
  await once(probe, 'listening').catch(({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EADDRNOTAVAIL')
      throw new StartError(`HOST is "${host}", which is no address of this machine`)
    const why = code === 'EADDRINUSE' ? 'is in use' : `cannot be had (${message})`
    throw new StartError(`port ${port} ${why}; choose another with PORT, or PORT=0 for a free one`)
  })
  await once(probe.close(), 'close')
}

async function run(settings: Settings): Promise<void> {
  await refuseTakenPort(settings)
  const stay = leaveOnSignals()
  const life = lifecycle()
  const stores = openStores(settings)
  const orders = await orderBook(stores.db).catch(unusable(stores.directory))
  const people = await demoPeople(undefined, !settings.isProduction)
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
  await wall.bans.ready().catch(unusable(stores.directory))
  const running = await start(wall, { orders, people }, settings.port, settings.host)
  gracefulShutdown(running.server, {
    lifecycle: life,
    pipeline: wall.edge,
    handlers: [() => stores.close(), () => running.close()],
    signals: SIGNALS,
  })
  stay()
  console.log(banner(settings, stores, running.port))
}

try {
  await run(settingsOf(process.env))
} catch (error) {
  fail(error)
}
