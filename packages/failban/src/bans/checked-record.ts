import { isSource } from '../jails/jail.js'
import { type BanRecord, MANUAL, MOST_EARLIER } from './ban.js'
import { banId } from './ban-id.js'
import { isBanReason } from './ban-reason.js'

/**
 * A record as this version makes them, of what a store has given, or `undefined`. A file or a
 * database is outside: what it says is shown to people, sent to clients and used for the length of
 * the next ban. Fields that no record has are dropped.
 */
export function checkedRecord(value: unknown): BanRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const given = value as Partial<Record<keyof BanRecord, unknown>>
  const { ip, jail, reason, violations, banCount, bannedAt, expiresAt, permanent, source, shadow, earlier } =
    given
  if (!isId(ip) || !isName(jail) || !isBanReason(reason) || !isName(source)) return undefined
  if (typeof shadow !== 'boolean' || !isMoment(bannedAt) || !isEnd(expiresAt, bannedAt)) return undefined
  if (permanent !== (expiresAt === null)) return undefined
  if (!isCount(violations, MOST_VIOLATIONS) || !isCount(banCount, MOST_EARLIER + 1)) return undefined
  if (banCount === 0 || !Array.isArray(earlier) || earlier.length > MOST_EARLIER) return undefined
  if (!earlier.every(isMoment)) return undefined
  return Object.freeze({
    ip,
    jail,
    reason,
    violations,
    banCount,
    bannedAt,
    expiresAt,
    permanent: expiresAt === null,
    source,
    shadow,
    earlier: Object.freeze([...earlier].sort((a, b) => a - b)),
  })
}

/** Whether it is the one text of an address or network, whatever the width of client keys. */
export const isId = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= 64 && banId(value, 64) === value

/** The highest threshold, and a violation of the highest weight on top. */
const MOST_VIOLATIONS = 20_000
/** ECMA-262 section 21.4.1.1: no `Date` is later. */
const LAST_MOMENT = 8.64e15

const isName = (value: unknown): value is string => isSource(value) || value === MANUAL

const isCount = (value: unknown, most: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most

const isMoment = (value: unknown): value is number => isCount(value, LAST_MOMENT)

const isEnd = (value: unknown, begin: number): value is number | null =>
  value === null || (isMoment(value) && value >= begin)
