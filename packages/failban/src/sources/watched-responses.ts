import { type Jail, NOT_FOUND } from '../jails/jail.js'
import type { CheckedFailban } from '../options.js'
import { ResponseSource } from './responses.js'

/** The responses that some jail counts; `undefined` where no jail counts any. */
export function responsesOf(options: CheckedFailban, jails: readonly Jail[]): ResponseSource | undefined {
  const countsNotFound = jails.some(jail => jail.hears(NOT_FOUND))
  const countsProbes = options.probePaths.length > 0 && jails.some(jail => jail.hears('probe'))
  if (!countsNotFound && !countsProbes) return undefined
  const { probePaths, maxKeys } = options
  const window = missingWindow(options)
  const inducedWindow = shortestWindow(options, [NOT_FOUND, 'probe'])
  return new ResponseSource({ countsNotFound, countsProbes, probePaths, window, inducedWindow, maxKeys })
}

/**
 * How long a reported missing path is not reported again: as long as it is the same to each jail
 * that counts it.
 */
export function missingWindow(options: CheckedFailban): number {
  return shortestWindow(options, [NOT_FOUND])
}

/** Of the jails that count one of the sources. */
function shortestWindow({ jails }: CheckedFailban, counted: readonly string[]): number {
  const counting = jails.filter(({ sources }) => sources?.some(one => counted.includes(one)) ?? true)
  return Math.min(...counting.map(({ window }) => window))
}
