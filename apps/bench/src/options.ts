import { parseArgs } from 'node:util'
import { HOSTS, type HostName, STACKS, type StackName, VARIANTS, type Variant } from './cells.js'
import type { Plan } from './measure/rounds.js'
import type { LoadPlan } from './measure/under-load.js'

export interface Options {
  /** Of the section `requests`; `load` is always that of the full stack. */
  readonly stacks: readonly StackName[]
  readonly hosts: readonly HostName[]
  readonly variants: readonly Variant[]
  readonly sections: readonly Section[]
  readonly plan: Plan
  readonly loadPlan: LoadPlan
  readonly quick: boolean
  readonly cpuProfile: boolean
  /** Where the JSON goes; relative to the directory of the app unless absolute. */
  readonly output: string
}

const SECTIONS = ['requests', 'load', 'decisions'] as const
export type Section = (typeof SECTIONS)[number]

/**
 * Many short rounds rather than a few long ones: what else the machine does then falls on all
 * servers alike.
 */
const FULL: Plan = { starts: 3, rounds: 7, requests: 3_000, warmUp: 8_000, connections: 16 }
const QUICK: Plan = { starts: 1, rounds: 5, requests: 1_000, warmUp: 2_000, connections: 16 }

const FULL_LOAD: LoadPlan = {
  starts: 3,
  rounds: 9,
  requests: 3_000,
  warmUp: 8_000,
  connections: 16,
  seconds: 1,
  settleSeconds: 0.5,
}
const QUICK_LOAD: LoadPlan = {
  starts: 1,
  rounds: 3,
  requests: 1_000,
  warmUp: 2_000,
  connections: 16,
  seconds: 0.5,
  settleSeconds: 0.2,
}

export const USAGE = `Usage: npm run bench -- [options]

Measures what stands in front of a route: nothing (bare), hand-written code (floor), Palisade, the usual packages of the host (peers).

  --quick               a smoke run of about two minutes; its numbers are not to be quoted
  --stack <a,b>         of ${STACKS.join(', ')}: edge is request id, security headers, CORS and rate limit; full is
                        these with metrics, bans, JWT and a scope guard
  --hosts <a,b>         of ${HOSTS.join(', ')}
  --variants <a,b>      of ${VARIANTS.join(', ')}
  --sections <a,b>      of ${SECTIONS.join(', ')}: CPU of a request; latency and memory of the full stack; decisions alone
  --starts <n>          how often every server is started anew, 1 to 20 (default ${FULL.starts})
  --rounds <n>          after each start, 5 to 100; also BENCH_ROUNDS (default ${FULL.rounds})
  --requests <n>        of each server in each round; also BENCH_REQUESTS (default ${FULL.requests})
  --output <file>       the JSON (default results/latest.json)
  --cpu-profile         writes a .cpuprofile of each server beside the JSON, and prints where the time goes;
                        the profiler itself costs time, so the table of such a run is not to be quoted
  --help

Every server is started several times, and there are two tables. Processes of one and the same server differ for their whole life (where V8 puts
things, which code it compiles how), and what else runs on the machine only ever adds. "median" is that of all rounds of all starts: what to expect.
"best start" takes the median of the rounds of each start and of these the least, for every variant alike: what the code costs when it was not
disturbed. Where the two tables disagree, the machine or luck was measured; believe neither, and repeat with more --starts.`

/**
 * What the command line and the environment say, checked. `undefined` asks for the usage. @throws
 * Error that says what is allowed
 */
export function optionsOf(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Options | undefined {
  const { values } = parseArgs({
    // pnpm hands its own "--" on.
    args: args.filter(arg => arg !== '--'),
    options: {
      quick: { type: 'boolean', default: false },
      stack: { type: 'string' },
      hosts: { type: 'string' },
      variants: { type: 'string' },
      sections: { type: 'string' },
      starts: { type: 'string' },
      rounds: { type: 'string' },
      requests: { type: 'string' },
      output: { type: 'string', default: 'results/latest.json' },
      'cpu-profile': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const usual = values.quick ? QUICK : FULL
  const requests = whole('requests', values.requests ?? env['BENCH_REQUESTS'], usual.requests, 100, 1_000_000)
  const starts = whole('starts', values.starts, usual.starts, 1, 20)
  return {
    stacks: someOf('stack', values.stack, STACKS),
    hosts: someOf('hosts', values.hosts, HOSTS),
    variants: someOf('variants', values.variants, VARIANTS),
    sections: someOf('sections', values.sections, values['cpu-profile'] ? ['requests'] : SECTIONS),
    loadPlan: { ...(values.quick ? QUICK_LOAD : FULL_LOAD), ...(values.starts !== undefined && { starts }) },
    plan: {
      ...usual,
      starts: values['cpu-profile'] ? 1 : starts,
      rounds: whole('rounds', values.rounds ?? env['BENCH_ROUNDS'], usual.rounds, 5, 100),
      requests,
    },
    quick: values.quick,
    cpuProfile: values['cpu-profile'],
    output: values.output,
  }
}

function someOf<T extends string>(flag: string, given: string | undefined, all: readonly T[]): readonly T[] {
  if (given === undefined) return all
  const names = given.split(',').map(name => name.trim())
  const unknown = names.find(name => !all.includes(name as T))
  if (unknown !== undefined) throw new Error(`--${flag}: "${unknown}"; allowed: ${all.join(', ')}`)
  return all.filter(name => names.includes(name))
}

function whole(flag: string, given: string | undefined, usual: number, min: number, max: number): number {
  if (given === undefined) return usual
  const value = Number(given)
  if (!Number.isInteger(value) || value < min || value > max)
    throw new Error(`--${flag}: "${given}"; allowed: a whole number from ${min} to ${max}`)
  return value
}
