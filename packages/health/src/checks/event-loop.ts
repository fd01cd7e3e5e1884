import { checkOptions, type Duration, duration, optional, refuseRuntime } from '@palisade/core/middleware'
import { builtin, LEAVE_OUT } from './builtin.js'
import { type Check, type CommonOptions, checkOf, commonShape } from './check.js'

export interface EventLoopOptions extends CommonOptions {
  /**
   * The 99th percentile of the loop's delay since the last look, beyond which this process is too
   * busy. Default 500 ms.
   */
  maxDelay?: Duration
}

/** How often the delay of the loop is sampled. A delay below it is the timer's own step. */
const RESOLUTION_MS = 20

/**
 * Whether the event loop turns: a process that computes for seconds answers no request, though its
 * port is open. Facts: `p99_ms`, `max_ms`.
 *
 * @throws ConfigError, also on a runtime that does not measure its loop, such as workerd
 */
export function eventLoop(options: EventLoopOptions = {}): Check {
  const checked = checkOptions('eventLoop', options, {
    ...commonShape('event_loop'),
    maxDelay: optional(duration({ min: 1, max: '1m' })),
  })
  const { maxDelay = 500 } = checked
  const delays = monitor()
  const milliseconds = (nanoseconds: number) =>
    delays.count === 0 ? 0 : Math.round(Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) * 10) / 10
  return checkOf(
    checked,
    () => {
      const p99_ms = milliseconds(delays.percentile(99))
      const max_ms = milliseconds(delays.max)
      delays.reset()
      return p99_ms <= maxDelay
        ? { healthy: true, p99_ms, max_ms }
        : {
            healthy: false,
            error: `the event loop is ${p99_ms} ms late; allowed: ${maxDelay} ms`,
            p99_ms,
            max_ms,
          }
    },
    () => {
      delays.disable()
    },
  )
}

function monitor() {
  const { monitorEventLoopDelay } = builtin('eventLoop', 'node:perf_hooks')
  try {
    const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    delays.enable()
    return delays
  } catch (error) {
    return refuseRuntime('eventLoop', { needs: 'monitorEventLoopDelay()', instead: LEAVE_OUT }, error)
  }
}
