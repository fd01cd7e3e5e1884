import type { MeasuredRow } from '../rows/measure.js'
import { figure, table } from './table.js'

export function decisionTable(rows: readonly MeasuredRow[]): string {
  return table(
    ['ns/decision (CPU; where marked, time)', 'median', 'spread', 'against the first'],
    rows.flatMap(({ title, clock, contestants }) => {
      const first = contestants[0]?.median
      return contestants.map(({ name, median, spread }) => [
        `${title}${clock === 'wall' ? ' (time)' : ''}: ${name}`,
        figure(median),
        `±${figure(spread)}`,
        first === undefined || !(first > 0) ? '-' : `${figure(median / first)} x`,
      ])
    }),
  )
}
