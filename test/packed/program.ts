import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Example } from './examples.js'
import type { Host } from './hosts.js'

/** The ways in which a program of a user says what it needs. */
export const moduleSystems = ['ESM', 'CommonJS'] as const
export type ModuleSystem = (typeof moduleSystems)[number]

const EXTENSION = { ESM: 'mjs', CommonJS: 'cjs' } as const

const statement = (system: ModuleSystem, binding: string, specifier: string) =>
  system === 'ESM' ? `import ${binding} from '${specifier}'` : `const ${binding} = require('${specifier}')`

/**
 * The file of one example on one host, and the program in it: it serves itself, asks itself, and
 * prints the answers as JSON.
 */
export function program(host: Host, example: Example, system: ModuleSystem) {
  const imports = Object.entries({ ...host.imports, ...example.imports })
  const requests = example.exchanges.map(({ path = '/', headers = {}, times = 1 }) => ({
    path,
    headers,
    times,
  }))
  return {
    file: `${example.package.replace(/\W+/g, '-').slice(1)}-on-${host.name}.${EXTENSION[system]}`,
    code: `// @ts-check
${imports.map(([binding, specifier]) => statement(system, binding, specifier)).join('\n')}

${example.given ?? ''}
${example.before ?? ''}
const mounted = ${example.mounted.trim()}
${host.application}
${example.after ?? ''}

server.once('listening', async () => {
  ${example.ready ?? ''}
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const answers = []
  /** @type {{ path: string, headers: Record<string, string>, times: number }[]} */
  const requests = ${JSON.stringify(requests)}
  for (const { path, headers, times } of requests) {
    for (let i = 0; i < times; i++) {
      const answer = await fetch(\`http://127.0.0.1:\${port}\${path}\`, { headers })
      answers.push({ status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() })
    }
  }
  console.log(JSON.stringify(answers))
  process.exit(0)
})
`,
  }
}

/**
 * Runs a program in a consumer's project and returns what it printed. A program that does not end
 * is ended.
 */
export async function runProgram(consumer: string, file: string, code: string): Promise<string> {
  writeFileSync(join(consumer, file), code)
  const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: consumer, timeout: 60_000 })
  return stdout
}
