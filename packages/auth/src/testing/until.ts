import { setTimeout as pause } from 'node:timers/promises'

const LONGEST_MS = 5000
const BETWEEN_MS = 2

/**
 * Asks until the condition holds, as a store of another process has a clock of its own.
 *
 * @throws Error when it does not hold within 5 seconds
 */
export async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + LONGEST_MS
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${LONGEST_MS} ms: ${what}`)
    await pause(BETWEEN_MS)
  }
}
