import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync } from 'node:fs'
import { createServer, type Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { command } from './redis-command.js'

/** A Redis that belongs to one suite, which may therefore harm it. */
export interface RedisServer {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string
  readonly port: number
  /** Sends one command and gives the reply's first line, or its bulk string, as text. */
  command(...parts: readonly string[]): Promise<string>
  /** SIGSTOP: connections stay open, nothing answers. */
  freeze(): void
  /** SIGCONT. */
  thaw(): void
  /** SIGKILL: connections are reset, the port refuses. Resolves when the process is gone. */
  kill(): Promise<void>
  /**
   * Starts it again on the same port, empty, killing it first if it still runs. Resolves when it
   * accepts connections.
   */
  restart(): Promise<void>
  /** Ends it for good, also when frozen. May be called twice. */
  stop(): Promise<void>
}

export interface RedisServerOptions {
  /** The program; by default `redisProgram()`. */
  readonly program?: string
  /** More arguments for its command line: `['--cluster-enabled', 'yes']`. */
  readonly args?: readonly string[]
}

/** The first of these programs that is on the PATH. */
export function redisProgram(
  names: readonly string[] = ['redis-server', 'valkey-server'],
): string | undefined {
  for (const name of names) {
    for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
      const candidate = join(directory, name)
      try {
        accessSync(candidate, constants.X_OK)
        return candidate
      } catch {
        // Not here: the next directory.
      }
    }
  }
  return undefined
}

/**
 * Starts a Redis on a free loopback port, without persistence, in a directory of its own, which
 * goes with it. Resolves when it accepts connections.
 */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const program = options.program ?? redisProgram()
  if (program === undefined) throw new Error('Neither redis-server nor valkey-server is on the PATH')
  const launch = (port: number) => RedisProcess.start(program, port, options.args ?? [])

  let running = await onFreePort(launch)
  const port = running.port
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    command: (...parts) => command(port, parts),
    freeze: () => running.signal('SIGSTOP'),
    thaw: () => running.signal('SIGCONT'),
    kill: () => running.end(),
    restart: async () => {
      await running.end()
      running = await launch(port)
    },
    stop: () => running.end(),
  }
}

/**
 * Between finding a free port and using it another process may take it, so that a start which fails
 * is tried again elsewhere.
 */
async function onFreePort<T>(use: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await use(await freePort())
    } catch (error) {
      if (attempt === 5) throw error
    }
  }
}

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server: Server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('No port was given')
  return address.port
}

/**
 * The server runs under a shell that ends it when standard input closes. The kernel closes it in
 * whatever way this process ends: a test run that is killed leaves neither a server nor its
 * directory behind. The shell ignores the signals that a terminal sends to its group. It does not
 * report the server's end, since no process reads its output any more.
 */
const WATCH = [
  `trap '' HUP INT TERM; dir=$1; shift; "$@" --dir "$dir" & pid=$!; echo "pid $pid"; cat >/dev/null`,
  'exec >/dev/null 2>&1; kill -KILL $pid; wait $pid; rm -rf "$dir"',
].join('; ')

type Shell = ChildProcessByStdio<Writable, Readable, Readable>

/** What holds this process: the other one, and the pipes to it, which Node makes as sockets. */
const handlesOf = (shell: Shell) => [shell, ...shell.stdio.filter(pipe => pipe instanceof Socket)]

class RedisProcess {
  readonly #shell: Shell
  readonly #pid: number
  readonly #gone: Promise<void>
  #ended = false

  private constructor(
    shell: Shell,
    pid: number,
    gone: Promise<void>,
    readonly port: number,
  ) {
    this.#shell = shell
    this.#pid = pid
    this.#gone = gone
  }

  static async start(program: string, port: number, args: readonly string[]) {
    const directory = mkdtempSync(join(tmpdir(), 'palisade-redis-'))
    const own = ['--port', String(port), '--bind', '127.0.0.1']
    const quiet = ['--save', '', '--appendonly', 'no', '--daemonize', 'no', '--loglevel', 'notice']
    const shell = spawn('/bin/sh', ['-c', WATCH, 'sh', directory, program, ...own, ...quiet, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const gone = new Promise<void>(resolve => shell.once('close', () => resolve()))
    shell.stderr.resume()

    let pid: number | undefined
    const lines: string[] = []
    for await (const line of createInterface({ input: shell.stdout })) {
      lines.push(line)
      pid ??= Number(/^pid (\d+)$/.exec(line)?.[1] ?? Number.NaN)
      if (!line.includes('Ready to accept connections')) {
        if (!/FATAL|Failed listening|can't start/i.test(line)) continue
        break
      }
      shell.stdout.resume()
      // The run may end while a suite forgot to stop its server, which must not hold it.
      for (const handle of handlesOf(shell)) handle.unref()
      return new RedisProcess(shell, pid, gone, port)
    }
    shell.stdin.end()
    await gone
    throw new Error(`${program} did not start on port ${port}:\n${lines.slice(-5).join('\n')}`)
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    if (!this.#ended) process.kill(this.#pid, name)
  }

  async end(): Promise<void> {
    this.#ended = true
    // A caller that waits for the end keeps the process alive until it has come, even a script with
    // no other work that awaits it at its top level.
    for (const handle of handlesOf(this.#shell)) handle.ref()
    this.#shell.stdin.end()
    await this.#gone
  }
}
