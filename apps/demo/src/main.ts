import type { StartHost } from './hosts/host.js'
import { orderBook } from './orders.js'
import { MOUNTED, protection } from './protection.js'

const FRAMEWORKS: Readonly<Record<string, () => Promise<{ start: StartHost }>>> = {
  express: () => import('./hosts/express.js'),
  fastify: () => import('./hosts/fastify.js'),
  hono: () => import('./hosts/hono.js'),
  koa: () => import('./hosts/koa.js'),
  node: () => import('./hosts/node.js'),
}

const framework = process.env['FRAMEWORK'] ?? 'fastify'
const load = Object.hasOwn(FRAMEWORKS, framework) ? FRAMEWORKS[framework] : undefined
const port = Number(process.env['PORT'] ?? 3000)
if (load === undefined) fail(`FRAMEWORK is "${framework}"; allowed: ${Object.keys(FRAMEWORKS).join(', ')}`)
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  fail(`PORT is "${process.env['PORT']}"; allowed: 0 to 65535, where 0 picks a free one`)
}

const wall = protection()
const { start } = await load()
const server = await start(wall, orderBook(), port).catch((error: NodeJS.ErrnoException) =>
  fail(
    error.code === 'EADDRINUSE'
      ? `port ${port} is in use; choose another with PORT, or PORT=0 for a free one`
      : String(error),
  ),
)
console.log(banner(`http://localhost:${server.port}`))

let stopping = false
const stop = async () => {
  if (stopping) return
  stopping = true
  await server.close()
  await wall.api.dispose()
  await wall.edge.dispose()
}
process.on('SIGINT', stop).on('SIGTERM', stop)

function banner(origin: string): string {
  const width = Math.max(...MOUNTED.map(([where]) => where.length))
  return [
    `Palisade on ${framework}: ${origin}`,
    '',
    ...MOUNTED.map(([where, what]) => `  ${where.padEnd(width)}  ${what}`),
    '',
    'Try:',
    `  curl -i ${origin}/public/hello`,
    `  curl -i ${origin}/api/orders`,
    `  curl -i ${origin}/api/orders -H 'Content-Type: application/json' -d '{"item":"lamp","quantity":3}'`,
    `  curl -i '${origin}/api/slow?ms=500'`,
    `  curl -i ${origin}/api/boom`,
    `  for i in $(seq 101); do curl -so /dev/null -w '%{http_code} ' ${origin}/api/orders; done   # the 101st is 429`,
    '',
  ].join('\n')
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
