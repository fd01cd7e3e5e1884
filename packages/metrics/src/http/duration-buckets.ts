import type { Bounds } from '../series/distribution.js'
import { PLACES, startOf } from '../window/log-scale.js'

/**
 * Stands where a bound lies within a place: there the duration itself must be looked at. There are
 * at most 101 buckets.
 */
export const DIVIDED = 255

/** More than a place on the scale can be off, since its durations are rounded to 32-bit floats. */
const ROUNDING = 2 ** -20

/**
 * The bucket of a duration by its place on the log scale, or `DIVIDED`: a look-up, where a search
 * would guess wrong at every step.
 *
 * @param bounds in seconds
 */
export function bucketsByPlace(bounds: Bounds): Uint8Array {
  return Uint8Array.from({ length: PLACES }, (_, place) => {
    // The first and the last place hold all that is less and more.
    const from = place === 0 ? Number.NEGATIVE_INFINITY : startOf(place) * (1 - ROUNDING)
    const to = place === PLACES - 1 ? Number.POSITIVE_INFINITY : startOf(place + 1) * (1 + ROUNDING)
    const bucket = bounds.bucketOf(from / 1000)
    return bucket === bounds.bucketOf(to / 1000) ? bucket : DIVIDED
  })
}
