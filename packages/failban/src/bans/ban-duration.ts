import { type Check, type Duration, duration, either, oneOf } from '@palisade/core/middleware'

const ALLOWED = 'a duration such as "1h", whole milliseconds, or "permanent"'

/** How long a ban by hand lasts, of at least `min`. */
export const durationOfBan = (min: Duration): Check<number | 'permanent'> =>
  either(oneOf('permanent'), duration({ min }), ALLOWED)
