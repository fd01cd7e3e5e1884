import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { workspaceSources } from '../../../../test/support/workspace-sources.js'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const demo = `${root}apps/demo/`

/**
 * Builds the programs of the demo from the sources as they are now.
 *
 * @returns where they are, inside this app so that they find its dependencies, and how to take them
 * away
 */
export async function buildPrograms(): Promise<{ main: string; traffic: string; remove(): void }> {
  const directory = `${demo}node_modules/.palisade-test-${process.pid}`
  mkdirSync(directory, { recursive: true })
  const { dependencies } = JSON.parse(readFileSync(`${demo}package.json`, 'utf8')) as {
    dependencies: Record<string, string>
  }
  const external = Object.keys(dependencies).filter(name => !name.startsWith('@palisade/'))
  await build({
    entryPoints: [`${demo}src/main.ts`, `${demo}src/traffic.ts`],
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external,
    // For what is bundled and asks for modules of Node in the older way.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
    },
    logLevel: 'error',
    plugins: [workspaceSources],
  })
  return {
    main: `${directory}/main.mjs`,
    traffic: `${directory}/traffic.mjs`,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

export interface Launched {
  /** What it has written so far. */
  output(): string
  signal(name: NodeJS.Signals): void
  /** Resolves to its exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>
  /** Ends it if it still runs. */
  stop(): Promise<void>
}

export interface Child extends Launched {
  readonly origin: string
}

/** The demo in a process of its own, which has begun to start. */
export function launchProgram(file: string, env: Readonly<Record<string, string>>): Launched {
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(process.execPath, [file], {
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  return {
    output: () => output,
    signal: name => void child.kill(name),
    exited,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
}

/** The same, once it listens. @throws Error with its output when it ends before */
export async function startProgram(file: string, env: Readonly<Record<string, string>>): Promise<Child> {
  const launched = launchProgram(file, env)
  let code: number | NodeJS.Signals | undefined
  launched.exited.then(settled => {
    code = settled
  })
  const port = () => /http:\/\/localhost:(\d+)/.exec(launched.output())?.[1]
  while (port() === undefined && code === undefined) await new Promise(resolve => setTimeout(resolve, 10))
  if (port() === undefined) throw new Error(`the demo ended with ${code}:\n${launched.output()}`)
  return { ...launched, origin: `http://127.0.0.1:${port()}` }
}
