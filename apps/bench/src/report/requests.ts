import { HOSTS, type HostName, type Variant } from '../cells.js'
import { addedRatio, ratio } from '../measure/maths.js'
import type { Measured } from '../measure/rounds.js'
import { figure, table } from './table.js'

/** How Palisade stands on one host. `undefined` where a variant was not measured. */
export interface Standing {
  readonly host: HostName
  /** The whole request with Palisade against the whole request with hand-written code. */
  readonly palisadeToFloor: number | undefined
  /** What Palisade adds to the bare host against what the peers add. */
  readonly addedToPeers: number | undefined
  /** The same for hand-written code: how far down it goes. */
  readonly floorAddedToPeers: number | undefined
  /** What Palisade adds against what hand-written code adds. */
  readonly addedToFloor: number | undefined
}

/**
 * Which figure of a server counts: the median of all rounds of all starts, or that of its best
 * start.
 */
export type Statistic = 'median' | 'best'

export function standings(cells: readonly Measured[], by: Statistic): readonly Standing[] {
  return hostsOf(cells).map(host => {
    const of = (variant: Variant) => cellOf(cells, host, variant)?.[by]
    const [bare, floor, palisade, peers] = [of('bare'), of('floor'), of('palisade'), of('peers')]
    return {
      host,
      palisadeToFloor: ratio(palisade, floor),
      addedToPeers: addedRatio(palisade, peers, bare),
      floorAddedToPeers: addedRatio(floor, peers, bare),
      addedToFloor: addedRatio(palisade, floor, bare),
    }
  })
}

const HEAD = ['bare', 'floor', 'palisade', 'peers', 'palisade/floor']
const ADDED = ['added: palisade/floor', 'added: palisade/peers', 'added: floor/peers']

export function requestTable(cells: readonly Measured[], by: Statistic): string {
  const cost = (host: HostName, variant: Variant) => {
    const cell = cellOf(cells, host, variant)
    if (cell === undefined) return '-'
    return by === 'best' ? figure(cell.best) : `${figure(cell.median)} ±${figure(cell.spread)}`
  }
  return table(
    [`CPU us/request, ${by === 'best' ? 'best start' : 'median'}`, ...HEAD, ...ADDED],
    standings(cells, by).map(one => [
      one.host,
      cost(one.host, 'bare'),
      cost(one.host, 'floor'),
      cost(one.host, 'palisade'),
      cost(one.host, 'peers'),
      figure(one.palisadeToFloor),
      figure(one.addedToFloor),
      figure(one.addedToPeers),
      figure(one.floorAddedToPeers),
    ]),
  )
}

const hostsOf = (cells: readonly Measured[]) => HOSTS.filter(host => cells.some(cell => cell.host === host))

const cellOf = (cells: readonly Measured[], host: HostName, variant: Variant) =>
  cells.find(cell => cell.host === host && cell.variant === variant)
