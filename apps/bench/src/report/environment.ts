import type { Environment } from '../environment.js'
import type { Plan } from '../measure/rounds.js'

export function environmentText(where: Environment, plan: Plan): string {
  const versions = Object.entries(where.versions).map(([name, version]) => `${name} ${version}`)
  return [
    `- ${where.date}, Node ${where.node} (V8 ${where.v8}), ${where.os}`,
    `- ${where.cores} x ${where.cpu}, ${where.memoryGiB} GiB`,
    `- ${plan.rounds} interleaved rounds of ${plan.requests} requests a server over ${plan.connections} keep-alive connections, after a warm-up of ${plan.warmUp}; medians, ± half the distance of the quartiles`,
    `- ${versions.join(', ')}`,
  ].join('\n')
}
