import { type Cell, HOSTS, nameOf } from '../cells.js'
import { monotonicMs } from '../clock.js'
import { arrive } from '../load/arrivals.js'
import { Load } from '../load/burst.js'
import type { Credentials } from '../load/issuer.js'
import { pageRequests } from '../load/request.js'
import { seeded } from '../rows/random.js'
import { median, quantile, rotated } from './maths.js'
import type { ServerProcess } from './server-process.js'

export interface LoadPlan {
  readonly starts: number
  readonly rounds: number
  /**
   * Requests of a burst that shows how much a server can do, and before that as a warm-up several
   * times.
   */
  readonly requests: number
  readonly warmUp: number
  /** Of a burst. */
  readonly connections: number
  /** How long requests arrive in one round, and before that for how long without being counted. */
  readonly seconds: number
  readonly settleSeconds: number
}

/** Of one start of one server. */
export interface LoadSample {
  readonly cell: Cell
  /** Requests a second that it answers when it always has some to answer. */
  readonly saturating: number
  /** Requests a second at which latencies were taken. */
  readonly rate: number
  /** Milliseconds, one of each round. */
  readonly p50: readonly number[]
  readonly p99: readonly number[]
  /** The most that was held at the end of any round. */
  readonly residentMiB: number
}

/** Of all starts. */
export interface UnderLoad extends Cell {
  readonly saturating: number
  readonly rate: number
  readonly p50: number
  readonly p99: number
  /**
   * By how much its p99 is over that of the bare host: the median of the differences within each
   * round, as what else runs on the machine meets neighbours alike. `undefined` for the bare host,
   * or without one.
   */
  readonly p99OverBare: number | undefined
  /** The least of the medians of the starts. */
  readonly bestP99: number
  readonly residentMiB: number
}

/** So many that arrivals need not wait for one, as far as the server keeps up. */
const CONNECTIONS = 64

/**
 * Finds out how much each server can do, then how long it takes at half of that, and how much
 * memory it has then. All variants of a host are asked at the same rate, half of what Palisade can
 * do, so that their latencies can be compared; who cannot do that much, at half of its own.
 */
export async function measureUnderLoad(
  servers: readonly ServerProcess[],
  plan: LoadPlan,
  credentials: Credentials,
  tell: (line: string) => void,
): Promise<readonly LoadSample[]> {
  const samples: LoadSample[] = []
  for (const host of HOSTS) {
    const ofHost = servers.filter(({ cell }) => cell.host === host)
    if (ofHost.length === 0) continue
    tell(`under load: ${host}`)
    samples.push(...(await measureHost(ofHost, plan, credentials)))
  }
  return samples
}

async function measureHost(
  servers: readonly ServerProcess[],
  plan: LoadPlan,
  credentials: Credentials,
): Promise<readonly LoadSample[]> {
  const rates = new Map<ServerProcess, number[]>(servers.map(server => [server, []]))
  for (const server of servers) await burst(server, plan.warmUp, plan.connections, credentials)
  for (let round = 0; round < plan.rounds; round++)
    for (const server of rotated(servers, round))
      rates.get(server)?.push(await burst(server, plan.requests, plan.connections, credentials))

  const saturating = (server: ServerProcess) => median(rates.get(server) ?? [])
  const palisade = servers.find(({ cell }) => cell.variant === 'palisade')
  const shared = palisade === undefined ? Number.POSITIVE_INFINITY : saturating(palisade)
  const random = seeded(5)
  const taken = servers.map(server => ({
    server,
    rate: Math.min(shared, saturating(server)) / 2,
    p50: [] as number[],
    p99: [] as number[],
    resident: 0,
  }))
  for (let round = 0; round < plan.rounds; round++)
    for (const one of rotated(taken, round)) {
      const { cell, port } = one.server
      const load = await Load.open(port, CONNECTIONS, pageRequests(port, cell.stack, credentials))
      try {
        const latencies = await arrive(load, { ...plan, perSecond: one.rate, random })
        one.p50.push(quantile(latencies, 0.5))
        one.p99.push(quantile(latencies, 0.99))
        one.resident = Math.max(one.resident, (await one.server.usage()).residentBytes)
      } finally {
        load.close()
      }
    }
  return taken.map(({ server, rate, p50, p99, resident }) => ({
    cell: server.cell,
    saturating: saturating(server),
    rate,
    p50,
    p99,
    residentMiB: resident / 2 ** 20,
  }))
}

/** Requests a second, in wall-clock time. */
async function burst(
  { cell, port }: ServerProcess,
  requests: number,
  connections: number,
  credentials: Credentials,
): Promise<number> {
  const load = await Load.open(port, connections, pageRequests(port, cell.stack, credentials))
  try {
    const startedAt = monotonicMs()
    await load.send(requests)
    return (requests * 1000) / (monotonicMs() - startedAt)
  } finally {
    load.close()
  }
}

/** Several starts as one result for each cell. */
export function loadSummary(samples: readonly LoadSample[]): readonly UnderLoad[] {
  const byName = new Map<string, LoadSample[]>()
  for (const sample of samples)
    byName.set(nameOf(sample.cell), [...(byName.get(nameOf(sample.cell)) ?? []), sample])
  return [...byName.values()].map(starts => {
    const [{ cell }] = starts as [LoadSample, ...LoadSample[]]
    const bare = cell.variant === 'bare' ? undefined : byName.get(nameOf({ ...cell, variant: 'bare' }))
    return {
      ...cell,
      saturating: median(starts.map(one => one.saturating)),
      rate: median(starts.map(one => one.rate)),
      p50: median(starts.flatMap(one => one.p50)),
      p99: median(starts.flatMap(one => one.p99)),
      p99OverBare: bare && median(starts.flatMap((one, i) => differences(one.p99, bare[i]?.p99 ?? []))),
      bestP99: Math.min(...starts.map(one => median(one.p99))),
      residentMiB: median(starts.map(one => one.residentMiB)),
    }
  })
}

/** What was taken in the same round of the same start. */
function differences(ofOne: readonly number[], ofBare: readonly number[]): readonly number[] {
  return ofOne.map((value, round) => value - (ofBare[round] ?? Number.NaN)).filter(Number.isFinite)
}
