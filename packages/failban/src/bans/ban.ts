/** One ban as people see it. Times are milliseconds since 1970. */
export interface Ban {
  /** What is banned: an IPv4 address, or a network in CIDR notation (an IPv6 client is its /64). */
  readonly ip: string
  /** The jail that it is in; `manual` for a ban that a person made and put in none. */
  readonly jail: string
  readonly reason: string
  /** The weight that led to it; 0 for a manual ban. */
  readonly violations: number
  /** The how-many-eth ban of this address by this jail, within the memory of escalation. */
  readonly banCount: number
  readonly bannedAt: number
  /** `null` for a permanent ban. */
  readonly expiresAt: number | null
  readonly permanent: boolean
  /** What led to it: the source of the last violation, or `manual`. */
  readonly source: string
  /** Made in shadow mode: seen, never enforced. */
  readonly shadow: boolean
}

/**
 * A ban as it is kept: it remembers when the same jail banned the same address before, for as long
 * as that lengthens bans.
 */
export interface BanRecord extends Ban {
  /** The `bannedAt` of the earlier ones, the oldest first; at most `MOST_EARLIER`. */
  readonly earlier: readonly number[]
}

/** More bans than these lengthen a ban no further. */
export const MOST_EARLIER = 20

export const MANUAL = 'manual'

export const endOf = (ban: Ban): number => ban.expiresAt ?? Number.POSITIVE_INFINITY

/** Without what only the next ban needs. */
export function shown({ earlier: _, ...ban }: BanRecord): Ban {
  return ban
}
