#!/usr/bin/env node
// Counts the files and functions of `packages/*/src` that one warm request runs; `--list` prints
// them. On Express it passes requestId, rateLimit, authenticate with jwt, and a guard in a branch.
import { createHmac } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { Agent, get } from 'node:http'
import { Session } from 'node:inspector/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { filesBelow } from '../lib/files.mjs'
import { members, root } from '../lib/root.mjs'

/** Caches are filled, and the diagnosis of the topology has seen its first requests. */
const WARM_UP = 200

const SECRET = 'k'.repeat(32)
const ISSUER = { issuer: 'shop', audience: 'shop', secret: SECRET, algorithms: ['HS256'] }

/**
 * Compiles each source file to a file of its own, where an import of its package finds it.
 *
 * @param {string} directory
 */
async function compileTo(directory) {
  for (const { directory: from, manifest } of members('packages')) {
    const to = join(directory, 'node_modules', manifest.name)
    await build({
      entryPoints: filesBelow(join(from, 'src'), /\.ts$/),
      outbase: join(from, 'src'),
      outdir: join(to, 'src'),
      format: 'esm',
      target: 'es2022',
      logLevel: 'error',
    })
    const exports = { '.': './src/index.js', './*': './src/*.js' }
    writeFileSync(join(to, 'package.json'), JSON.stringify({ name: manifest.name, type: 'module', exports }))
    linkDependencies(join(from, 'node_modules'), join(to, 'node_modules'))
  }
}

/**
 * All but the packages of the workspace, which are found further up.
 *
 * @param {string} from
 * @param {string} to
 */
function linkDependencies(from, to) {
  mkdirSync(to)
  const names = readdirSync(from).filter(name => !name.startsWith('.') && name !== '@palisade')
  for (const name of names) symlinkSync(join(from, name), join(to, name), 'junction')
}

/**
 * Serves `GET /orders` on Express, behind a pipeline and a branch.
 *
 * @param {string} directory
 */
async function start(directory) {
  /** @param {string} file */
  const load = file => import(pathToFileURL(join(directory, 'node_modules', '@palisade', file)).href)
  /** @type {typeof import('@palisade/core')} */
  const { pipeline, requestId } = await load('core/src/index.js')
  /** @type {typeof import('@palisade/adapters/express')} */
  const { toExpress } = await load('adapters/src/express.js')
  /** @type {typeof import('@palisade/auth')} */
  const { authenticate, jwt } = await load('auth/src/index.js')
  /** @type {typeof import('@palisade/guards')} */
  const { guard, requireScopes } = await load('guards/src/index.js')
  /** @type {typeof import('@palisade/ratelimit')} */
  const { rateLimit } = await load('ratelimit/src/index.js')

  const edge = pipeline()
    .use(requestId())
    .use(rateLimit({ limit: 100_000, window: '1m' }))
    .use(authenticate({ strategies: [jwt(ISSUER)] }))
  const orders = edge.branch().use(guard(requireScopes('orders:read')))
  const app = createRequire(join(root, 'packages/adapters/package.json'))('express')()
  app.use(toExpress(edge))
  app.get('/orders', toExpress(orders), answer)
  /** @type {import('node:http').Server} */
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** Emits `close` when a response has really ended. */
const ends = new EventEmitter()

/** @type {import('node:http').RequestListener} */
function answer(_req, res) {
  res.once('close', () => ends.emit('close'))
  res.end('ok')
}

function token() {
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss: 'shop', aud: 'shop', sub: 'ada', scope: 'orders:read', iat, exp: iat + 3600 }
  const signed = [{ alg: 'HS256' }, claims]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}

/**
 * Each call sends one request, and settles when its response has ended on the server.
 *
 * @param {import('node:http').Server} server
 */
function client(server) {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const options = { port, agent, path: '/orders', headers: { authorization: `Bearer ${token()}` } }
  return async () => {
    const ended = once(ends, 'close')
    const [res] = await once(get({ host: '127.0.0.1', ...options }), 'response')
    if (res.statusCode !== 200) throw new Error(`the request was answered ${res.statusCode}, not 200`)
    res.resume()
    await Promise.all([once(res, 'end'), ended])
  }
}

/**
 * The functions of the packages that ran, by source file. V8 also counts the frame of a module and
 * the initializers of fields, which are not functions of the source.
 *
 * @param {import('node:inspector').Profiler.ScriptCoverage[]} scripts
 * @param {string} directory
 */
function ranIn(scripts, directory) {
  const packages = `${pathToFileURL(join(directory, 'node_modules', '@palisade')).href}/`
  /** @type {Map<string, string[]>} */
  const found = new Map()
  for (const { url, functions } of scripts.filter(script => script.url.startsWith(packages))) {
    const text = readFileSync(fileURLToPath(url), 'utf8')
    const ran = functions.flatMap(({ functionName, ranges: [whole] }) => {
      if (whole === undefined || whole.count === 0 || functionName.startsWith('<')) return []
      if (functionName === '' && whole.startOffset === 0) return []
      const [line = ''] = text.slice(whole.startOffset, whole.endOffset).split('\n')
      return [functionName === '' ? `(anonymous) ${line.slice(0, 60)}` : functionName]
    })
    const file = `packages/${url.slice(packages.length).replace(/\.js$/, '.ts')}`
    if (ran.length > 0) found.set(file, ran)
  }
  return found
}

/** What one warm request runs. */
export async function reach() {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-reach-'))
  const session = new Session()
  try {
    await compileTo(directory)
    session.connect()
    await session.post('Profiler.enable')
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
    const server = await start(directory)
    const send = client(server)
    for (let i = 0; i < WARM_UP; i++) await send()
    // Reading the counts also resets them.
    await session.post('Profiler.takePreciseCoverage')
    await send()
    const { result } = await session.post('Profiler.takePreciseCoverage')
    server.close()
    server.closeAllConnections()
    return ranIn(result, directory)
  } finally {
    session.disconnect()
    rmSync(directory, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = [...(await reach())].sort(([one], [other]) => (one < other ? -1 : 1))
  if (process.argv.includes('--list'))
    for (const [file, names] of found) console.log([file, ...names.map(name => `  ${name}`)].join('\n'))
  const functions = found.reduce((sum, [, names]) => sum + names.length, 0)
  console.log(`reach: ${found.length} files, ${functions} functions`)
}
