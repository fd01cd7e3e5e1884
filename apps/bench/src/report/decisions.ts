import type { MeasuredRow } from '../rows/measure.js'
import { figure, table } from './table.js'

export function decisionTable(rows: readonly MeasuredRow[]): string {
  return table(
    ['CPU ns/decision', 'median', 'spread', 'against the first'],
    rows.flatMap(({ title, contestants }) => {
      const first = contestants[0]?.median
      return contestants.map(({ name, median, spread }) => [
        `${title}: ${name}`,
        figure(median),
        `±${figure(spread)}`,
        first === undefined || !(first > 0) ? '-' : `${figure(median / first)} x`,
      ])
    }),
  )
}
