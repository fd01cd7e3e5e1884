import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, inject, it } from 'vitest'
import { commands } from './runtimes.js'

const project = inject('application')

/**
 * It serves one request over a connection that stays open, and then a signal of the operating
 * system ends it.
 */
const PROGRAM = `
import { createServer } from 'node:http'
import { gracefulShutdown } from '@palisade/health'

const server = createServer((_req, res) => res.end('hello'))
gracefulShutdown(server, { timeout: '20s', delay: 0, handlers: [() => console.log('handlers ran')] })
server.listen(0, '127.0.0.1', async () => {
  console.log(await (await fetch('http://127.0.0.1:' + server.address().port)).text())
  process.kill(process.pid, 'SIGTERM')
})
`

describe.each(Object.entries(commands))('given a server of node:http on %s', (name, [program, ...args]) => {
  it('when it is told to end, then its handlers run, and the process ends', async () => {
    const file = `shutdown-${name}.mjs`
    writeFileSync(join(project, file), PROGRAM)
    const ended = promisify(execFile)(program, [...args, file], { cwd: project, timeout: 30_000 })
    expect((await ended).stdout.split('\n').filter(line => !line.startsWith('{'))).toEqual([
      'hello',
      'handlers ran',
      '',
    ])
  })
})
