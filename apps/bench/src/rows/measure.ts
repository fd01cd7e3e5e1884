import { monotonicMs } from '../clock.js'
import { median, rotated, spread } from '../measure/maths.js'
import type { Prepared, Row } from './row.js'

export interface DecisionPlan {
  readonly rounds: number
  /** How long one contestant works in one round. */
  readonly milliseconds: number
}

export interface MeasuredContestant {
  readonly name: string
  /** Nanoseconds per decision. */
  readonly median: number
  readonly spread: number
  readonly samples: readonly number[]
}

export interface MeasuredRow {
  readonly title: string
  readonly clock: 'cpu' | 'wall'
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
  const microseconds = row.clock === 'wall' ? wallMicroseconds : cpuMicroseconds
  try {
    for (const { name, prepare } of row.contestants) {
      const prepared = await prepare()
      entrants.push({
        name,
        prepared,
        decisions: await calibrate(prepared, plan.milliseconds, microseconds),
        samples: [],
      })
    }
    for (let round = 0; round < plan.rounds; round++) {
      for (const { prepared, decisions, samples } of rotated(entrants, round))
        samples.push(((await microseconds(prepared, decisions)) * 1000) / decisions)
    }
  } finally {
    for (const { prepared } of entrants) await prepared.dispose?.()
  }
  return {
    title: row.title,
    clock: row.clock ?? 'cpu',
    contestants: entrants.map(({ name, samples }) => ({
      name,
      median: median(samples),
      spread: spread(samples),
      samples,
    })),
  }
}

type Spent = (prepared: Prepared, decisions: number) => Promise<number>

/** How many decisions fill the time; finding out is the warm-up. */
async function calibrate(prepared: Prepared, milliseconds: number, microseconds: Spent): Promise<number> {
  const wanted = milliseconds * 1000
  let decisions = 64
  for (;;) {
    const used = await microseconds(prepared, decisions)
    if (used >= wanted / 2 || decisions >= 2 ** 28) {
      // Once more, now that the code is compiled.
      const warm = await microseconds(prepared, decisions)
      return Math.max(1, Math.round((decisions * wanted) / Math.max(1, warm)))
    }
    decisions *= 4
  }
}

async function cpuMicroseconds(prepared: Prepared, decisions: number): Promise<number> {
  const before = process.cpuUsage()
  await decide(prepared, decisions)
  const { user, system } = process.cpuUsage(before)
  return user + system
}

async function wallMicroseconds(prepared: Prepared, decisions: number): Promise<number> {
  const startedAt = monotonicMs()
  await decide(prepared, decisions)
  return (monotonicMs() - startedAt) * 1000
}

async function decide({ run }: Prepared, decisions: number): Promise<void> {
  const result = run(decisions)
  const sum = typeof result === 'number' ? result : await result
  if (Number.isNaN(sum)) throw new Error('a contestant decided nothing')
}
