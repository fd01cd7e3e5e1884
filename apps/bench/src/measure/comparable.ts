import type { Cell, HostName } from '../cells.js'
import { type Answers, askAll, askUntilRefused, CHECKED_LIMIT, differences } from './self-check.js'
import { ServerProcess } from './server-process.js'

/**
 * Makes sure that the variants of each host do the same work, also when they refuse, before any of it is timed.
 *
 * @throws Error that lists every difference
 */
export async function ensureComparable(servers: readonly ServerProcess[]): Promise<void> {
  const cells = servers.map(({ cell }) => cell)
  const answers = new Map<HostName, Record<string, Awaited<ReturnType<typeof askAll>>>>()
  const refused = await refusals(cells.filter(({ variant }) => variant !== 'bare'))
  for (const { cell, port } of servers) {
    const ofHost = answers.get(cell.host) ?? {}
    const refusal = refused.get(cell)
    ofHost[cell.variant] = [...(await askAll(port)), ...(refusal === undefined ? [] : [refusal])]
    answers.set(cell.host, ofHost)
  }
  const found = [...answers].flatMap(([host, ofHost]) => differences(host, ofHost as Answers))
  if (found.length > 0)
    throw new Error(
      `The variants do not answer the same, so their costs cannot be compared:\n  ${found.join('\n  ')}`,
    )
}

/** From servers of their own with a small limit, which end here: the measured ones must refuse nothing. */
async function refusals(cells: readonly Cell[]) {
  const servers = await Promise.all(cells.map(cell => ServerProcess.start(cell, CHECKED_LIMIT)))
  try {
    return new Map(
      await Promise.all(servers.map(async ({ cell, port }) => [cell, await askUntilRefused(port)] as const)),
    )
  } finally {
    await Promise.all(servers.map(server => server.stop()))
  }
}
