import type { Fate } from './client.js'

export const FATES: readonly Fate[] = ['let through', 'limited', 'refused', 'banned', 'failed']

export type Tally = Map<Fate, number>

export const sum = (tally: Tally) => [...tally.values()].reduce((total, count) => total + count, 0)

/** A line for each actor: what was sent, and what became of it. */
export function table(tallies: ReadonlyMap<string, Tally>): string {
  const rows = [
    ['', 'sent', ...FATES],
    ...[...tallies].map(([name, tally]) => [
      name,
      String(sum(tally)),
      ...FATES.map(fate => String(tally.get(fate) ?? '-')),
    ]),
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0))) ?? []
  return rows
    .map(([name = '', ...cells]) =>
      [name.padEnd(widths[0] ?? 0), ...cells.map((cell, i) => cell.padStart(widths[i + 1] ?? 0))].join('  '),
    )
    .join('\n')
}

/** One line that is written over on a terminal; elsewhere one for each tenth of the way. */
export function progressLine(): (done: number, all: number, fates: Tally) => void {
  const isTerminal = process.stdout.isTTY === true
  return (done, all, fates) => {
    const text = `${done} of ${all}: ${FATES.map(fate => `${fates.get(fate) ?? 0} ${fate}`).join(', ')}`
    if (isTerminal) process.stdout.write(`\r\x1b[K${text}${done === all ? '\n' : ''}`)
    else if (done === all || Math.floor((done * 10) / all) > Math.floor(((done - 1) * 10) / all))
      console.log(text)
  }
}
