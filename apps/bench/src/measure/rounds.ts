import { type Cell, nameOf } from '../cells.js'
import { Load } from '../load/burst.js'
import type { Credentials } from '../load/issuer.js'
import { pageRequests } from '../load/request.js'
import { median, rotated, spread } from './maths.js'
import type { ServerProcess } from './server-process.js'

export interface Plan {
  /**
   * How often all servers are started anew. Processes of one and the same server were seen to
   * differ by a third for their whole life, so one process is one draw, however many rounds it is
   * asked.
   */
  readonly starts: number
  /** After each start. */
  readonly rounds: number
  /** Requests of one server in one round. */
  readonly requests: number
  /** Requests that each server answers before the first round. */
  readonly warmUp: number
  readonly connections: number
}

/** CPU of a server process per request, in microseconds. */
export interface Measured extends Cell {
  /** Of all rounds of all starts. */
  readonly median: number
  readonly spread: number
  /**
   * The least of the medians of the starts. Disturbances only add to the cost of a process, and an
   * unlucky process stays slow for life. The least median is the cost of the code without
   * disturbances.
   */
  readonly best: number
  /** One of each round, start by start. */
  readonly samples: readonly number[]
}

/** One sample of each round. */
export type Samples = ReadonlyMap<{ readonly cell: Cell }, readonly number[]>

/**
 * Measures the servers one after the other, round by round, each round begun with another one;
 * while one works the others are idle. Whatever the machine does in the meantime meets all of them.
 */
export async function measure(
  servers: readonly ServerProcess[],
  plan: Plan,
  credentials: Credentials,
  tell: (line: string) => void,
): Promise<Samples> {
  const samples = new Map<ServerProcess, number[]>(servers.map(server => [server, []]))
  for (const server of servers) {
    tell(`warm-up ${nameOf(server.cell)}`)
    await sample(server, plan.warmUp, plan.connections, credentials)
  }
  for (let round = 0; round < plan.rounds; round++) {
    tell(`round ${round + 1} of ${plan.rounds}`)
    for (const server of rotated(servers, round))
      samples.get(server)?.push(await sample(server, plan.requests, plan.connections, credentials))
  }
  return samples
}

/** The samples of several starts as one result for each cell. */
export function summary(starts: readonly Samples[]): readonly Measured[] {
  const cells = new Map<
    string,
    { readonly cell: Cell; readonly samples: number[]; readonly medians: number[] }
  >()
  for (const [{ cell }, values] of starts.flatMap(start => [...start])) {
    const known = cells.get(nameOf(cell)) ?? { cell, samples: [], medians: [] }
    known.samples.push(...values)
    known.medians.push(median(values))
    cells.set(nameOf(cell), known)
  }
  return [...cells.values()].map(({ cell, samples, medians }) => ({
    ...cell,
    median: median(samples),
    spread: spread(samples),
    best: Math.min(...medians),
    samples,
  }))
}

async function sample(
  server: ServerProcess,
  requests: number,
  connections: number,
  credentials: Credentials,
): Promise<number> {
  const { cell, port } = server
  const load = await Load.open(port, connections, pageRequests(port, cell.stack, credentials))
  try {
    const before = await server.usage()
    await load.send(requests)
    return ((await server.usage()).cpuMicroseconds - before.cpuMicroseconds) / requests
  } finally {
    load.close()
  }
}
