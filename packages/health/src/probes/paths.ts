import {
  type Check,
  ConfigError,
  either,
  list,
  type OptionPath,
  optional,
  orFalse,
  text,
} from '@palisade/core/middleware'

export type ProbeName = 'live' | 'ready' | 'startup' | 'health'

/** `false` turns a probe off. */
export type ProbePath = string | readonly string[] | false

export interface ProbePaths {
  /** Default `/health/live`. */
  live?: ProbePath
  /** Default `/health/ready` and `/ready`. */
  ready?: ProbePath
  /** Default `/health/startup`. */
  startup?: ProbePath
  /**
   * Default `/health`. The same verdict as readiness, at the address that load balancers and people
   * try first.
   */
  health?: ProbePath
}

const path = text({ pattern: /^(?:\/[\w.~-]+)+$/, allowed: 'a path such as "/health/live"', max: 200 })

const paths = (fallback: ProbePath) =>
  optional(
    orFalse(either(path, list(path, { min: 1, max: 8 }), 'a path such as "/health/live", several, or false')),
    fallback,
  )

export const PATHS = {
  live: paths('/health/live'),
  ready: paths(['/health/ready', '/ready']),
  startup: paths('/health/startup'),
  health: paths('/health'),
} satisfies Record<ProbeName, Check<ProbePath>>

/**
 * Which probe is at a path. Paths are compared as received, so that no other spelling of one is
 * served.
 */
export function probesByPath(
  given: Readonly<Record<ProbeName, ProbePath>>,
  at: OptionPath,
): ReadonlyMap<string, ProbeName> {
  const probes = new Map<string, ProbeName>()
  for (const probe of ['live', 'ready', 'startup', 'health'] as const) {
    for (const one of [given[probe] || []].flat()) {
      const other = probes.get(one)
      if (other !== undefined) {
        const allowed = `a path of its own; "${other}" is there already`
        throw new ConfigError({ owner: at.owner, option: `${at.option}.${probe}`, value: one, allowed })
      }
      probes.set(one, probe)
    }
  }
  return probes
}
