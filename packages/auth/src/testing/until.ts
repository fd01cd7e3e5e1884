import { setTimeout as pause } from 'node:timers/promises'

const MOST_TRIES = 2000
const BETWEEN_MS = 2

/**
 * Asks until the condition holds, as a store of another process has a clock of its own.
 *
 * @throws Error when it does not hold within 2,000 tries, 2 ms apart
 */
export async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    if (await condition()) return
    await pause(BETWEEN_MS)
  }
  throw new Error(`not within ${MOST_TRIES} tries: ${what}`)
}
