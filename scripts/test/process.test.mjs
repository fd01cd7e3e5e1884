import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const library = fileURLToPath(new URL('../lib/process.mjs', import.meta.url))

/**
 * A server that says when it is up, tells every signal, and drains for a moment before it ends with
 * a code of its own.
 */
const server = `
  setInterval(() => {}, 1000)
  process.on('SIGINT', () => { console.log('SIGINT'); setTimeout(() => process.exit(7), 300) })
  console.log('up')`

const launcher = `
  import { serve } from ${JSON.stringify(library)}
  process.exitCode = await serve([process.execPath, '-e', ${JSON.stringify(server)}], { cwd: process.cwd() })`

it.skipIf(process.platform === 'win32')(
  'given a server in the foreground, when npm and the terminal both send SIGINT, then it gets one and its exit code comes back',
  async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', launcher], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    const code = await new Promise(resolve => {
      child.stdout.setEncoding('utf8').on('data', text => {
        output += text
        if (output === 'up\n') child.kill('SIGINT')
        if (output === 'up\nSIGINT\n') child.kill('SIGINT')
      })
      child.on('close', resolve)
    })
    expect(output).toBe('up\nSIGINT\n')
    expect(code).toBe(7)
  },
)
