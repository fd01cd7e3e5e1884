import type { Actor } from './actors.js'
import type { Fate, TrafficClient } from './client.js'
import type { Tally } from './table.js'

export interface Stage {
  /**
   * One with an address of its own that is new to the demo, so that limits and bans of an earlier
   * play are not this one's.
   */
  newClient(): TrafficClient
  /** What a client does between two requests. */
  pause(ms: number): Promise<void>
  /** After each answer: how many of all there are, and what became of them. */
  onAnswer?(answered: number, all: number, fates: Tally): void
}

/**
 * Plays all parts at once, each to its end.
 *
 * @returns the results of all requests
 */
export async function play(
  cast: readonly Actor[],
  { newClient, pause, onAnswer }: Stage,
): Promise<ReadonlyMap<string, Tally>> {
  const all = cast.reduce((sum, { addresses, turns }) => sum + addresses * turns, 0)
  const together: Tally = new Map()
  const tallies = new Map(cast.map(({ name }) => [name, new Map() as Tally]))
  let answered = 0

  async function perform({ name, turns, everyMs, next }: Actor): Promise<void> {
    const client = newClient()
    for (let turn = 0; turn < turns; turn++) {
      const { path, ...ask } = next(turn)
      const { fate } = await client.ask(path, ask)
      add(tallies.get(name) as Tally, fate)
      add(together, fate)
      onAnswer?.(++answered, all, together)
      await pause(everyMs)
    }
    client.close()
  }

  await Promise.all(cast.flatMap(actor => Array.from({ length: actor.addresses }, () => perform(actor))))
  return tallies.set('all together', together)
}

const add = (tally: Tally, fate: Fate) => tally.set(fate, (tally.get(fate) ?? 0) + 1)
