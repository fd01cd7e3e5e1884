import { statfs } from 'node:fs/promises'
import { checkOptions, integer, optional, requireProcess, text } from '@palisade/core/middleware'
import { LEAVE_OUT } from './builtin.js'
import { type Check, type CommonOptions, checkOf, commonShape } from './check.js'
import { ratio } from './memory.js'

export interface DiskOptions extends CommonOptions {
  /** A directory of the file system that is meant. */
  path: string
  /** The share that has to be free, above 0 and up to 1. Default 0.05. */
  minFreeRatio?: number
  /** Bytes that have to be free. Default: not looked at. */
  minFreeBytes?: number
}

/**
 * Whether there is room to write, for a process without privileges. Facts, in bytes: `free`,
 * `total`.
 *
 * A network file system that hangs holds one thread of Node's pool, and no more: the check is not
 * started again before that has ended.
 *
 * @throws ConfigError, also on a runtime without a file system, such as workerd
 */
export function disk(options: DiskOptions): Check {
  const checked = checkOptions('disk', options, {
    ...commonShape('disk_space'),
    path: text({ max: 4096, allowed: 'the path of a directory' }),
    minFreeRatio: optional(ratio, 0.05),
    minFreeBytes: optional(integer({ min: 1 }), 0),
  })
  const { path, minFreeRatio, minFreeBytes } = checked
  requireProcess('disk', { needs: 'a file system', instead: LEAVE_OUT })
  return checkOf(checked, async () => {
    const { bavail, blocks, bsize } = await statfs(path)
    const free = bavail * bsize
    const total = blocks * bsize
    if (total === 0) return { healthy: false, error: 'the file system reports no size', free, total }
    if (free < minFreeBytes || free < total * minFreeRatio)
      return { healthy: false, error: 'the file system is nearly full', free, total }
    return { healthy: true, free, total }
  })
}
