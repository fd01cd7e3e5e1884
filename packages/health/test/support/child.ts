import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { workspaceSources } from '../../../../test/support/workspace-sources.js'

const packages = fileURLToPath(new URL('../../..', import.meta.url))

/**
 * Builds the program of the child processes from the sources, as they have no test runner to do so.
 *
 * @returns its file, inside this package so that it finds the hosts, and how to take it away
 */
export async function buildProgram(): Promise<{ file: string; remove(): void }> {
  const directory = `${packages}health/node_modules/.palisade-test-${process.pid}`
  mkdirSync(directory, { recursive: true })
  const file = `${directory}/server.mjs`
  await build({
    entryPoints: [`${packages}health/test/support/server-program.ts`],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    plugins: [
      workspaceSources,
      {
        name: 'externals',
        setup({ onResolve }) {
          onResolve({ filter: /^[@a-z]/ }, ({ path, kind }) =>
            kind === 'entry-point' ? undefined : { path, external: true },
          )
        },
      },
    ],
  })
  return { file, remove: () => rmSync(directory, { recursive: true, force: true }) }
}

export interface Message {
  readonly port?: number
  readonly event?: string
  readonly payload?: Readonly<Record<string, unknown>>
}

export interface Child {
  readonly port: number
  readonly messages: readonly Message[]
  signal(name: NodeJS.Signals): void
  /** Resolves when it has reported this event. */
  told(event: string): Promise<void>
  /** Resolves to its exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>
  /** Ends it if it still runs. */
  stop(): Promise<void>
}

export async function startChild(file: string, host: string, delayMs: number): Promise<Child> {
  const child: ChildProcess = fork(file, [host, String(delayMs)], {
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const messages: Message[] = []
  child.on('message', message => messages.push(message as Message))
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  const gone = exited.then(code => {
    throw new Error(`the ${host} server ended with ${code} and said ${JSON.stringify(messages)}`)
  })
  gone.catch(() => {})
  const until = async (isThere: () => boolean): Promise<void> => {
    while (!isThere()) await Promise.race([once(child, 'message'), gone])
  }
  await until(() => messages.some(({ port }) => port !== undefined))
  return {
    port: messages.find(({ port }) => port !== undefined)?.port ?? 0,
    messages,
    signal: name => void child.kill(name),
    told: event => until(() => messages.some(one => one.event === event)),
    exited,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
}
