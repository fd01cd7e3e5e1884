import { memoryUsage } from 'node:process'
import {
  type Check as CheckOption,
  checkOptions,
  integer,
  optional,
  refuse,
  refuseRuntime,
} from '@palisade/core/middleware'
import { builtin, LEAVE_OUT } from './builtin.js'
import { type Check, type CommonOptions, checkOf, commonShape } from './check.js'

export interface MemoryOptions extends CommonOptions {
  /** The share of V8's heap limit that may be in use, above 0 and up to 1. Default 0.95. */
  maxHeapRatio?: number
  /**
   * Bytes that the process may hold in all (`rss`), such as nine tenths of the container's limit.
   * Default: not looked at.
   */
  maxRss?: number
}

/** A share: above 0, up to 1. */
export const ratio: CheckOption<number> = (value, at) =>
  typeof value === 'number' && value > 0 && value <= 1
    ? value
    : refuse(at, value, 'a number above 0, up to 1')

/**
 * Whether this process is about to run out of memory. Facts, in bytes: `heap_used`, `heap_limit`,
 * `rss`.
 *
 * Garbage that is not yet collected counts, so a limit that is too low takes a good instance out of
 * service: mind the default.
 *
 * @throws ConfigError, also on a runtime that does not know its heap, such as workerd
 */
export function memory(options: MemoryOptions = {}): Check {
  const checked = checkOptions('memory', options, {
    ...commonShape('memory'),
    maxHeapRatio: optional(ratio, 0.95),
    maxRss: optional(integer({ min: 1 })),
  })
  const { maxHeapRatio, maxRss = Number.POSITIVE_INFINITY } = checked
  const heap = heapStatistics()
  return checkOf(checked, () => {
    const { used_heap_size: heap_used, heap_size_limit: heap_limit } = heap()
    const rss = memoryUsage.rss()
    const facts = { heap_used, heap_limit, rss }
    if (heap_used > heap_limit * maxHeapRatio)
      return { healthy: false, error: `the heap is over ${maxHeapRatio} of its limit`, ...facts }
    if (rss > maxRss) return { healthy: false, error: `the process is over ${maxRss} bytes`, ...facts }
    return { healthy: true, ...facts }
  })
}

function heapStatistics() {
  const { getHeapStatistics } = builtin('memory', 'node:v8')
  try {
    getHeapStatistics()
  } catch (error) {
    refuseRuntime('memory', { needs: "V8's heap statistics", instead: LEAVE_OUT }, error)
  }
  return getHeapStatistics
}
