export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** By linear interpolation between the two nearest values; NaN for none. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * fraction
  const below = sorted[Math.floor(at)]
  const above = sorted[Math.ceil(at)]
  if (below === undefined || above === undefined) return Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}

/** Half of what lies between the quartiles: how far rounds usually are from their median. */
export function spread(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / 2
}

/** The list, begun at another place, so that no entry is first in every round. */
export function rotated<T>(list: readonly T[], by: number): readonly T[] {
  const at = list.length === 0 ? 0 : by % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}

/**
 * What one variant adds to the bare host against what another adds; `undefined` when one was not
 * measured or added nothing.
 */
export function addedRatio(
  one: number | undefined,
  other: number | undefined,
  bare: number | undefined,
): number | undefined {
  if (one === undefined || other === undefined || bare === undefined) return undefined
  return other > bare ? (one - bare) / (other - bare) : undefined
}

export function ratio(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined || !(other > 0) ? undefined : one / other
}
