import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/** What stops the work with a message for a person and no stack. */
export class Stop extends Error {}

/**
 * The exit code a shell would report: a child killed by a signal has no code of its own.
 *
 * @param {number | null} code
 * @param {NodeJS.Signals | null} signal
 */
const exitCode = (code, signal) => code ?? 128 + (signal ? constants.signals[signal] : 0)

/**
 * Runs a program to its end. With `quiet` its output is returned instead of shown.
 *
 * @param {readonly [string, ...string[]]} command
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, quiet?: boolean }} [options]
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run([program, ...args], { cwd, env, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env },
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        output += text
      })
    }
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code: exitCode(code, signal), output }))
  })
}

/**
 * Two signals closer together than this are one wish: a terminal signals the whole group, and npm
 * repeats what it got.
 */
const SAME_WISH_MS = 1000

/**
 * Runs a server in the foreground and hands it each stop signal once.
 *
 * The server gets a process group of its own. Otherwise Ctrl-C would reach it from the terminal,
 * from npm and from here, and a server that takes the second signal for impatience would never
 * drain.
 *
 * @param {readonly [string, ...string[]]} command
 * @param {{ cwd: string }} options
 * @returns {Promise<number>} the exit code of the server
 */
export function serve([program, ...args], { cwd }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'], detached: true })
    let last = Number.NEGATIVE_INFINITY
    /** @type {NodeJS.Signals[]} */
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) {
      process.on(signal, () => {
        const repeated = performance.now() - last < SAME_WISH_MS
        last = performance.now()
        if (!repeated) child.kill(signal)
      })
    }
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(exitCode(code, signal)))
  })
}
