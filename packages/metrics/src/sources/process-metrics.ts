import type { Clock } from '@palisade/core/middleware'
import type { Exposed, Registry } from '../series/registry.js'

interface Memory {
  readonly rss: number
  readonly heapUsed: number
  readonly heapTotal: number
}

interface NodeProcess {
  cpuUsage(): { readonly user: number; readonly system: number }
  memoryUsage(): Memory
  uptime(): number
}

/**
 * The process metrics that Prometheus names for every client library, and the heap. Nothing where
 * there is no Node process.
 */
export function addProcessMetrics(registry: Registry, clock: Clock): void {
  const { process } = globalThis as { process?: Partial<NodeProcess> }
  if (process?.cpuUsage === undefined || process.memoryUsage === undefined || process.uptime === undefined)
    return
  const node = process as NodeProcess
  let memory: Memory
  try {
    node.cpuUsage()
    memory = node.memoryUsage()
  } catch {
    // workerd has these names and no process behind them.
    return
  }
  const startedAt = clock.now() / 1000 - node.uptime()

  const add = (
    name: string,
    type: Exposed['type'],
    help: string,
    value: () => number,
    refresh: () => void = () => {},
  ) => registry.expose({ name, help, type, refresh, collect: () => [[['', [], value()]]] })
  add('process_cpu_seconds_total', 'counter', 'Total user and system CPU time spent in seconds.', () => {
    const { user, system } = node.cpuUsage()
    return (user + system) / 1e6
  })
  add(
    'process_start_time_seconds',
    'gauge',
    'Start time of the process since unix epoch in seconds.',
    () => startedAt,
  )
  const ask = () => {
    memory = node.memoryUsage()
  }
  // They are shown in this order, and asked for once.
  add('process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', () => memory.rss, ask)
  add('nodejs_heap_size_used_bytes', 'gauge', 'Heap in use.', () => memory.heapUsed)
  add('nodejs_heap_size_total_bytes', 'gauge', 'Heap reserved.', () => memory.heapTotal)
}
