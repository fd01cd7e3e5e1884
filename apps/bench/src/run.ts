import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nameOf, type StackName } from './cells.js'
import { type Credentials, issueCredentials } from './load/issuer.js'
import { ensureComparable } from './measure/comparable.js'
import { type CpuProfile, selfTimes } from './measure/profile.js'
import { type Measured, measure, type Plan, type Samples, summary } from './measure/rounds.js'
import { ENDLESS, ServerProcess } from './measure/server-process.js'
import { type LoadSample, loadSummary, measureUnderLoad, type UnderLoad } from './measure/under-load.js'
import type { Options } from './options.js'
import { figure, table } from './report/table.js'
import { ROWS } from './rows/index.js'
import { type MeasuredRow, measureRow } from './rows/measure.js'

type Tell = (line: string) => void

export interface MeasuredRequests {
  readonly stack: StackName
  readonly cells: readonly Measured[]
  /** Where the time of each server goes, when that was asked for. */
  readonly profiles: readonly string[]
}

/**
 * Starts every server of a stack, checks that they may be compared, measures them and ends them, as
 * often as the plan says.
 */
export async function measureRequests(
  stack: StackName,
  options: Options,
  profiles: string | undefined,
  tell: Tell,
): Promise<MeasuredRequests> {
  const { plan } = options
  const credentials = issueCredentials()
  const starts: Samples[] = []
  const texts: string[] = []
  for (let start = 0; start < plan.starts; start++) {
    tell(`${stack} stack: start ${start + 1} of ${plan.starts}`)
    await withServers(stack, options, credentials, async servers => {
      if (start === 0) {
        tell('checking that the variants answer the same')
        await ensureComparable(servers, credentials)
      }
      if (profiles === undefined) starts.push(await measure(servers, plan, credentials, tell))
      else texts.push(...(await measureWithProfile(servers, plan, credentials, profiles, starts, tell)))
    })
  }
  return { stack, cells: summary(starts), profiles: texts }
}

async function withServers(
  stack: StackName,
  { hosts, variants }: Pick<Options, 'hosts' | 'variants'>,
  { publicKey }: Credentials,
  use: (servers: readonly ServerProcess[]) => Promise<void>,
): Promise<void> {
  const servers: ServerProcess[] = []
  try {
    for (const host of hosts)
      servers.push(
        ...(await Promise.all(
          variants.map(variant =>
            ServerProcess.start({ stack, host, variant }, { limit: ENDLESS, publicKey }),
          ),
        )),
      )
    await use(servers)
  } finally {
    await Promise.all(servers.map(server => server.stop()))
  }
}

/** The profiler starts after the warm-up, so that it shows what the table shows. */
async function measureWithProfile(
  servers: readonly ServerProcess[],
  plan: Plan,
  credentials: Credentials,
  directory: string,
  starts: Samples[],
  tell: Tell,
): Promise<readonly string[]> {
  await measure(servers, { ...plan, rounds: 0 }, credentials, tell)
  for (const server of servers) await server.startProfile()
  starts.push(await measure(servers, { ...plan, warmUp: plan.requests }, credentials, tell))
  const served = (plan.rounds + 1) * (plan.requests + plan.connections)
  const texts: string[] = []
  for (const server of servers) texts.push(await profileOf(server, served, directory))
  return texts
}

const SHOWN = 25

async function profileOf(server: ServerProcess, served: number, directory: string): Promise<string> {
  const json = await server.stopProfile()
  mkdirSync(directory, { recursive: true })
  writeFileSync(
    join(directory, `${server.cell.stack}.${server.cell.host}.${server.cell.variant}.cpuprofile`),
    json,
  )
  const times = selfTimes(JSON.parse(json) as CpuProfile).slice(0, SHOWN)
  return [
    `### ${nameOf(server.cell)}, self time\n`,
    table(
      ['function', 'us/request'],
      times.map(({ where, microseconds }) => [where, figure(microseconds / served)]),
    ),
  ].join('\n')
}

/** Latency and memory of the full stack. */
export async function measureLoad(options: Options, tell: Tell): Promise<readonly UnderLoad[]> {
  const { loadPlan } = options
  const credentials = issueCredentials()
  const samples: LoadSample[] = []
  for (let start = 0; start < loadPlan.starts; start++) {
    tell(`under load: start ${start + 1} of ${loadPlan.starts}`)
    await withServers('full', options, credentials, async servers => {
      samples.push(...(await measureUnderLoad(servers, loadPlan, credentials, tell)))
    })
  }
  return loadSummary(samples)
}

export async function measureDecisions(quick: boolean, tell: Tell): Promise<readonly MeasuredRow[]> {
  const measured: MeasuredRow[] = []
  for (const row of ROWS) {
    const why = row.skipped?.()
    tell(`decisions: ${row.title}${why === undefined ? '' : `: left out, ${why}`}`)
    if (why !== undefined) continue
    measured.push(
      await measureRow(row, quick ? { rounds: 5, milliseconds: 20 } : { rounds: 11, milliseconds: 100 }),
    )
  }
  return measured
}
