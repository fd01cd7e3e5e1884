import { type BanRecord, endOf, MANUAL } from './ban.js'

/**
 * A record from elsewhere, held against this process's clock and durations: none is from the
 * future, and no ban by a jail is longer than today's longest.
 */
export function fitRecord(record: BanRecord, longest: number, now: number): BanRecord {
  const fitting = notAhead(record, now)
  const latest = fitting.bannedAt + longest
  const isTooLong = fitting.source !== MANUAL && endOf(fitting) > latest
  return isTooLong ? { ...fitting, expiresAt: latest, permanent: false } : fitting
}

/**
 * A clock that was ahead when the record was made must neither lengthen the ban nor be remembered
 * longer.
 */
function notAhead(record: BanRecord, now: number): BanRecord {
  const { bannedAt, expiresAt, earlier } = record
  if (bannedAt <= now && earlier.every(at => at <= now)) return record
  const ahead = Math.max(0, bannedAt - now)
  return {
    ...record,
    bannedAt: bannedAt - ahead,
    expiresAt: expiresAt === null ? null : expiresAt - ahead,
    earlier: earlier.map(at => Math.min(at, now)),
  }
}
