import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { environment } from './environment.js'
import { type Options, optionsOf, USAGE } from './options.js'
import { decisionTable } from './report/decisions.js'
import { environmentText } from './report/environment.js'
import { requestTable, standings } from './report/requests.js'
import { loadTable } from './report/under-load.js'
import { measureDecisions, measureLoad, measureRequests } from './run.js'

const say = (text: string) => console.log(text)
/** Beside the report, so that the report alone can be kept. */
const progress = (line: string) => process.stderr.write(`${line}\n`)

async function main(options: Options): Promise<void> {
  const app = fileURLToPath(new URL('../', import.meta.url))
  const output = resolve(app, options.output)
  const profiles = options.cpuProfile ? join(dirname(output), 'profiles') : undefined
  const where = environment(app)
  say(`# Palisade bench${options.quick ? ' (quick: not to be quoted)' : ''}\n`)
  say(`${environmentText(where, options.plan)}\n`)

  const requests = []
  for (const stack of options.sections.includes('requests') ? options.stacks : []) {
    const measured = await measureRequests(stack, options, profiles, progress)
    requests.push(measured)
    say(`## Requests, ${stack} stack\n`)
    say(`${requestTable(measured.cells, 'median')}\n`)
    if (options.plan.starts > 1) say(`${requestTable(measured.cells, 'best')}\n`)
    for (const text of measured.profiles) say(`${text}\n`)
  }
  const load = options.sections.includes('load') ? await measureLoad(options, progress) : undefined
  if (load !== undefined) {
    say('## Under load, full stack\n')
    say(`${loadTable(load)}\n`)
  }
  const decisions = options.sections.includes('decisions')
    ? await measureDecisions(options.quick, progress)
    : undefined
  if (decisions !== undefined) {
    say('## Decisions alone\n')
    say(`${decisionTable(decisions)}\n`)
  }

  mkdirSync(dirname(output), { recursive: true })
  const result = {
    environment: where,
    plan: options.plan,
    quick: options.quick,
    profiled: options.cpuProfile,
    requests: requests.map(({ stack, cells }) => ({
      stack,
      unit: 'CPU microseconds per request',
      cells,
      standings: standings(cells, 'median'),
      standingsOfBestStarts: standings(cells, 'best'),
    })),
    load,
    decisions: decisions && { unit: 'nanoseconds per decision', rows: decisions },
  }
  writeFileSync(output, `${JSON.stringify(result, undefined, 2)}\n`)
  progress(`written to ${output}`)
}

try {
  const options = optionsOf(process.argv.slice(2), process.env)
  if (options === undefined) say(USAGE)
  else await main(options)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
