import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, inject, it } from 'vitest'
import { commands } from './runtimes.js'

const project = inject('application')

/** The second failban() reads what the first one has written. */
const PROGRAM = `
import { failban, fileBans } from '@palisade/failban'
import { disk } from '@palisade/health'

const path = process.argv[2]
const first = failban({ store: fileBans(path) })
await first.ready()
await first.ban('203.0.113.9')
await first.dispose()
const second = failban({ store: fileBans(path) })
await second.ready()
console.log(second.list().map(({ ip }) => ip).join())
await second.dispose()
const { healthy, total } = await disk({ path: '.', minFreeRatio: 0.000001 }).run(new AbortController().signal)
console.log(healthy, total > 0)
`

describe.each(Object.entries(commands))('given files on %s', (name, [program, ...args]) => {
  it('when bans are kept in one, then they are there again, and the disk has a size', async () => {
    const file = `files-${name}.mjs`
    writeFileSync(join(project, file), PROGRAM)
    const call = [...args, file, `bans-${name}.jsonl`]
    const { stdout } = await promisify(execFile)(program, call, { cwd: project, timeout: 30_000 })
    expect(stdout.split('\n')).toEqual(['203.0.113.9', 'true true', ''])
  })
})
