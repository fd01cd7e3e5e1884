import type { Environment } from '../environment.js'
import type { Plan } from '../measure/rounds.js'

export function environmentText(where: Environment, plan: Plan): string {
  const versions = Object.entries(where.versions).map(([name, version]) => `${name} ${version}`)
  return [
    `- ${where.date}, Node ${where.node} (V8 ${where.v8}), ${where.os}`,
    `- ${where.cores} x ${where.cpu}, ${where.memoryGiB} GiB; load ${where.load.toFixed(1)} at the start${where.load > where.cores / 2 ? ': THE MACHINE IS BUSY, expect noise' : ''}`,
    `- ${plan.starts} starts of every server, with ${plan.rounds} interleaved rounds each, of ${plan.requests} requests a server over ${plan.connections} keep-alive connections, after a warm-up of ${plan.warmUp}; medians of all rounds, ± half the distance of the quartiles`,
    `- ${versions.join(', ')}`,
  ].join('\n')
}
