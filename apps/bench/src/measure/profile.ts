/** The part of V8's `.cpuprofile` that is read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[]
}

export interface SelfTime {
  readonly where: string
  readonly microseconds: number
}

/** How long each function itself was on the CPU, the longest first; idle time is left out. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): readonly SelfTime[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const totals = new Map<string, number>()
  for (const [index, id] of samples.entries()) {
    const where = names.get(id) ?? '(unknown)'
    if (where === '(idle)') continue
    totals.set(where, (totals.get(where) ?? 0) + (timeDeltas[index] ?? 0))
  }
  return [...totals]
    .map(([where, microseconds]) => ({ where, microseconds }))
    .sort((a, b) => b.microseconds - a.microseconds)
}

/**
 * Without lines of bundled code that move from build to build, but with those of a file, to tell
 * its functions apart.
 */
function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  if (url === '') return name
  const file = url
    .replace(/^file:\/\//, '')
    .replace(/^.*\/node_modules\//, '')
    .replace(/^.*\/(packages|apps)\//, '$1/')
  return `${name} ${file}:${lineNumber + 1}`
}
