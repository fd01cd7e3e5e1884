import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const directory = process.env['PALISADE_RUNTIMES'] ?? ''

/** What listens, and how it is ended. */
export interface Running {
  readonly origin: string
  close(): Promise<void>
}

/** A runtime that serves `app.mjs`. Another one is one more entry. */
export interface Runtime {
  readonly name: string
  start(project: string): Promise<Running>
}

const BUN = join(directory, 'node_modules', 'bun', 'bin', 'bun.exe')
const deno = () => {
  const platforms = join(directory, 'node_modules', '@deno')
  return join(platforms, readdirSync(platforms)[0] ?? '', process.platform === 'win32' ? 'deno.exe' : 'deno')
}

/** How a program runs on a runtime that has Node's API. */
export const commands = { bun: [BUN], deno: [deno(), 'run', '-A'], node: [process.execPath] } as const

const programs = { ...commands, olderNode: [process.execPath] } as const

const ANSWER = "import { answer } from './app.mjs'"
const onNode = (nodeServer: string) => `${ANSWER}
import { serve } from '${nodeServer}'
serve({ fetch: answer, port: 0, hostname: '127.0.0.1' }, ({ port }) => console.log('http://127.0.0.1:' + port))`

const SERVERS: Record<keyof typeof programs, string> = {
  bun: `${ANSWER}
console.log(Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: request => answer(request) }).url.origin)`,
  deno: `${ANSWER}
const onListen = ({ port }) => console.log('http://127.0.0.1:' + port)
Deno.serve({ port: 0, hostname: '127.0.0.1', onListen }, request => answer(request))`,
  node: onNode('@hono/node-server'),
  olderNode: onNode(
    pathToFileURL(join(directory, 'node_modules', '@hono', 'node-server', 'dist', 'index.mjs')).href,
  ),
}

async function startProcess(name: keyof typeof programs, project: string): Promise<Running> {
  const file = `serve-${name}.mjs`
  writeFileSync(join(project, file), SERVERS[name])
  const [program, ...args] = programs[name]
  const child = spawn(program, [...args, file], { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] })
  return { origin: await firstLine(child), close: () => end(child) }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (more: string) => {
      text += more
      const [line, rest] = text.split('\n')
      if (rest !== undefined) resolve(line ?? '')
    })
    child.once('exit', code => reject(new Error(`it ended with ${code}`)))
  })
}

function end(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

/** Bundled as wrangler bundles, and run by workerd. */
async function startWorkerd(project: string): Promise<Running> {
  const { outputFiles } = await build({
    entryPoints: [join(project, 'app.mjs')],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*'],
    logLevel: 'error',
  })
  const { Miniflare } = createRequire(join(directory, 'package.json'))('miniflare')
  const worker = new Miniflare({
    cf: false,
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: ['nodejs_compat'],
    modules: [{ type: 'ESModule', path: 'app.mjs', contents: outputFiles[0]?.text }],
  })
  return { origin: (await worker.ready).origin, close: () => worker.dispose() }
}

/** The oldest that the README names. */
const COMPATIBILITY_DATE = '2026-03-01'

export const runtimes: readonly Runtime[] = [
  { name: 'workerd', start: startWorkerd },
  { name: 'Bun', start: project => startProcess('bun', project) },
  { name: 'Deno', start: project => startProcess('deno', project) },
  { name: 'Node', start: project => startProcess('node', project) },
  { name: 'Node with @hono/node-server 1', start: project => startProcess('olderNode', project) },
]
