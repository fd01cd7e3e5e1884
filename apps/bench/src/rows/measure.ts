import { median, rotated, spread } from '../measure/maths.js'
import type { Prepared, Row } from './row.js'

export interface DecisionPlan {
  readonly rounds: number
  /** How long one contestant works in one round. */
  readonly milliseconds: number
}

export interface MeasuredContestant {
  readonly name: string
  /** CPU nanoseconds per decision. */
  readonly median: number
  readonly spread: number
  readonly samples: readonly number[]
}

export interface MeasuredRow {
  readonly title: string
  readonly contestants: readonly MeasuredContestant[]
}

interface Entrant {
  readonly name: string
  readonly prepared: Prepared
  readonly decisions: number
  readonly samples: number[]
}

/** Measures one row: all contestants in each round, each round begun with another one. */
export async function measureRow(row: Row, plan: DecisionPlan): Promise<MeasuredRow> {
  const entrants: Entrant[] = []
  try {
    for (const { name, prepare } of row.contestants) {
      const prepared = await prepare()
      entrants.push({ name, prepared, decisions: await calibrate(prepared, plan.milliseconds), samples: [] })
    }
    for (let round = 0; round < plan.rounds; round++) {
      for (const { prepared, decisions, samples } of rotated(entrants, round))
        samples.push(((await cpuMicroseconds(prepared, decisions)) * 1000) / decisions)
    }
  } finally {
    for (const { prepared } of entrants) await prepared.dispose?.()
  }
  return {
    title: row.title,
    contestants: entrants.map(({ name, samples }) => ({
      name,
      median: median(samples),
      spread: spread(samples),
      samples,
    })),
  }
}

/** How many decisions fill the time; finding out is the warm-up. */
async function calibrate(prepared: Prepared, milliseconds: number): Promise<number> {
  const wanted = milliseconds * 1000
  let decisions = 64
  for (;;) {
    const used = await cpuMicroseconds(prepared, decisions)
    if (used >= wanted / 2 || decisions >= 2 ** 28) {
      // Once more, now that the code is compiled.
      const warm = await cpuMicroseconds(prepared, decisions)
      return Math.max(1, Math.round((decisions * wanted) / Math.max(1, warm)))
    }
    decisions *= 4
  }
}

async function cpuMicroseconds({ run }: Prepared, decisions: number): Promise<number> {
  const before = process.cpuUsage()
  const result = run(decisions)
  const sum = typeof result === 'number' ? result : await result
  const { user, system } = process.cpuUsage(before)
  if (Number.isNaN(sum)) throw new Error('a contestant decided nothing')
  return user + system
}
