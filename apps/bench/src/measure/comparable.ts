import { type Cell, type HostName, nameOf } from '../cells.js'
import type { Credentials } from '../load/issuer.js'
import { countedOrders } from './exposition.js'
import {
  type Answers,
  askAll,
  askUntilBanned,
  askUntilRefused,
  CHECKED_LIMIT,
  differences,
  probesOf,
} from './self-check.js'
import { ENDLESS, ServerProcess } from './server-process.js'

/**
 * Makes sure that the variants of each host do the same work, also when they refuse, before any of
 * it is timed. The servers belong to one stack.
 *
 * @throws Error that lists every difference
 */
export async function ensureComparable(
  servers: readonly ServerProcess[],
  credentials: Credentials,
): Promise<void> {
  const cells = servers.map(({ cell }) => cell)
  const answers = new Map<HostName, Record<string, Awaited<ReturnType<typeof askAll>>>>()
  const refused = await refusals(
    cells.filter(({ variant }) => variant !== 'bare'),
    credentials,
  )
  const found: string[] = []
  for (const { cell, port } of servers) {
    const ofHost = answers.get(cell.host) ?? {}
    const asked = await askAll(port, probesOf(cell.stack, credentials))
    ofHost[cell.variant] = [...asked, ...(refused.get(cell) ?? [])]
    answers.set(cell.host, ofHost)
    if (cell.stack === 'full' && cell.variant !== 'bare') {
      const expected = asked.filter(([, { status }]) => status === 200).length
      const counted = await countedOrders(port)
      if (counted !== expected)
        found.push(`${nameOf(cell)} shows ${counted} answered requests of ${expected} in its metrics`)
    }
  }
  for (const [host, ofHost] of answers) found.push(...differences(host, ofHost as Answers))
  if (found.length > 0)
    throw new Error(
      `The variants do not answer the same, so their costs cannot be compared:\n  ${found.join('\n  ')}`,
    )
}

/** From servers of their own, which end here: the measured ones must refuse nothing. */
async function refusals(cells: readonly Cell[], credentials: Credentials) {
  const { publicKey } = credentials
  const limited = cells.map(cell =>
    withServer(cell, CHECKED_LIMIT, publicKey, askUntilRefused(cell.stack, credentials)),
  )
  const banned = cells
    .filter(({ stack }) => stack === 'full')
    .map(cell => withServer(cell, ENDLESS, publicKey, askUntilBanned(credentials)))
  const all = await Promise.all([...limited, ...banned])
  return new Map(
    cells.map(cell => [cell, all.filter(([of]) => of === cell).map(([, answer]) => answer)] as const),
  )
}

async function withServer<T>(
  cell: Cell,
  limit: number,
  publicKey: string,
  use: (port: number) => Promise<T>,
) {
  const server = await ServerProcess.start(cell, { limit, publicKey })
  try {
    return [cell, await use(server.port)] as const
  } finally {
    await server.stop()
  }
}
