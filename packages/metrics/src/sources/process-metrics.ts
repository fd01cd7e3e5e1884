import type { Sample } from '../series/metric.js'
import type { Exposed, Registry } from '../series/registry.js'

interface NodeProcess {
  cpuUsage(): { readonly user: number; readonly system: number }
  memoryUsage(): { readonly rss: number; readonly heapUsed: number; readonly heapTotal: number }
}

/** The process metrics that Prometheus names for every client library, and the heap. Nothing where there is no Node process. */
export function addProcessMetrics(registry: Registry): void {
  const { process } = globalThis as { process?: Partial<NodeProcess> }
  if (process?.cpuUsage === undefined || process.memoryUsage === undefined) return
  const node = process as NodeProcess
  const add = (name: string, type: Exposed['type'], help: string, value: () => number) =>
    registry.add<Exposed>({
      name: registry.nameOf(name),
      help,
      type,
      collect: (): Iterable<readonly Sample[]> => [[['', [], value()]]],
    })
  add('process_cpu_seconds_total', 'counter', 'Total user and system CPU time spent in seconds.', () => {
    const { user, system } = node.cpuUsage()
    return (user + system) / 1e6
  })
  add(
    'process_resident_memory_bytes',
    'gauge',
    'Resident memory size in bytes.',
    () => node.memoryUsage().rss,
  )
  add('nodejs_heap_size_used_bytes', 'gauge', 'Heap in use.', () => node.memoryUsage().heapUsed)
  add('nodejs_heap_size_total_bytes', 'gauge', 'Heap reserved.', () => node.memoryUsage().heapTotal)
}
