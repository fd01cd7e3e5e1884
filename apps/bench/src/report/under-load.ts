import type { UnderLoad } from '../measure/under-load.js'
import { figure, table } from './table.js'

export function loadTable(cells: readonly UnderLoad[]): string {
  return table(
    [
      'under load',
      'saturated at/s',
      'asked at/s',
      'p50 ms',
      'p99 ms',
      'over bare, by round',
      'best p99 ms',
      'over bare',
      'resident MiB',
      'over bare',
    ],
    cells.map(cell => {
      const bare = cells.find(one => one.host === cell.host && one.variant === 'bare')
      const over = (value: (of: UnderLoad) => number) =>
        bare === undefined || bare === cell ? '-' : signed(value(cell) - value(bare))
      return [
        `${cell.host}/${cell.variant}`,
        figure(cell.saturating),
        figure(cell.rate),
        figure(cell.p50),
        figure(cell.p99),
        cell.p99OverBare === undefined ? '-' : signed(cell.p99OverBare),
        figure(cell.bestP99),
        over(of => of.bestP99),
        figure(cell.residentMiB),
        over(of => of.residentMiB),
      ]
    }),
  )
}

const signed = (value: number) => (value < 0 ? figure(value) : `+${figure(value)}`)
