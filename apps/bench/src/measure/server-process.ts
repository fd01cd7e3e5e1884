import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Cell, nameOf } from '../cells.js'
import type { Setting } from '../hosts/host.js'
import type { Answer, Question, Usage } from './messages.js'

/** Far over what any measured client reaches, and within what every limiter can count to. */
export const ENDLESS = 1_000_000_000

const START_WITHIN_MS = 30_000

/** A server in a process of its own. It ends with `stop`, and with this process in any case. */
export class ServerProcess {
  readonly cell: Cell
  readonly port: number
  private readonly child: ChildProcess

  private constructor(cell: Cell, port: number, child: ChildProcess) {
    this.cell = cell
    this.port = port
    this.child = child
  }

  /** @throws Error when it does not listen within half a minute */
  static async start(cell: Cell, setting: Setting): Promise<ServerProcess> {
    const child = fork(
      fileURLToPath(new URL('./server.js', import.meta.url)),
      [JSON.stringify(cell), JSON.stringify(setting)],
      {
        env: { ...process.env, NODE_ENV: 'production' },
        // The fast key of its cache, the whole token, can collide with nothing.
        execArgv: ['--disable-warning=FAST_JWT_CACHE_KEY_BUILDER_SECURITY_RISK'],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      },
    )
    try {
      const answer = await answerOf(child, cell, AbortSignal.timeout(START_WITHIN_MS))
      if (!('port' in answer)) throw new Error(`${nameOf(cell)}: the server did not tell its port`)
      return new ServerProcess(cell, answer.port, child)
    } catch (error) {
      child.kill()
      throw error
    }
  }

  async usage(): Promise<Usage> {
    const answer = await this.ask({ ask: 'usage' })
    if (!('cpuMicroseconds' in answer)) throw new Error(`${nameOf(this.cell)}: no answer to what it uses`)
    return answer
  }

  async startProfile(): Promise<void> {
    await this.ask({ ask: 'profile' })
  }

  /** A V8 CPU profile as JSON: what a `.cpuprofile` file holds. */
  async stopProfile(): Promise<string> {
    const answer = await this.ask({ ask: 'profiled' })
    return 'profile' in answer ? answer.profile : ''
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exit = once(this.child, 'exit')
    this.child.disconnect()
    await exit
  }

  private ask(question: Question): Promise<Answer> {
    const answer = answerOf(this.child, this.cell, AbortSignal.timeout(START_WITHIN_MS))
    this.child.send(question)
    return answer
  }
}

async function answerOf(child: ChildProcess, cell: Cell, signal: AbortSignal): Promise<Answer> {
  const ended = new AbortController()
  try {
    return await Promise.race([
      once(child, 'message', { signal: AbortSignal.any([signal, ended.signal]) }).then(([answer]) => answer),
      once(child, 'exit', { signal: ended.signal }).then(([code]) => {
        throw new Error(`${nameOf(cell)}: the server process ended with code ${code}`)
      }),
    ])
  } finally {
    ended.abort()
  }
}
