import type { BanRecord } from '../bans/ban.js'
import { checkedRecord, isId } from '../bans/checked-record.js'

/**
 * One JSON object a line. The first says what the file is; each of the others is one step, and the
 * last step of an address counts:
 *
 *     {"palisade":"bans","version":1}
 *     {"ban":{"ip":"203.0.113.9","jail":"auth","reason":"...","violations":5,"banCount":1,...}}
 *     {"unban":"203.0.113.9"}
 */
export const HEADER = `${JSON.stringify({ palisade: 'bans', version: 1 })}\n`

export const banLine = (ban: BanRecord): string => `${JSON.stringify({ ban })}\n`
export const unbanLine = (ip: string): string => `${JSON.stringify({ unban: ip })}\n`

export type Step = { readonly ban: BanRecord } | { readonly unban: string }

/** `undefined` for a line that is no step. */
export function parseStep(line: string): Step | undefined {
  const value = parse(line)
  if (typeof value !== 'object' || value === null) return undefined
  const { ban, unban } = value as { ban?: unknown; unban?: unknown }
  if (isId(unban)) return { unban }
  const record = checkedRecord(ban)
  return record && { ban: record }
}

/** Whether a first line is this format's, in a version that this code reads. */
export function isHeader(line: string): boolean {
  const value = parse(line) as { palisade?: unknown; version?: unknown } | null | undefined
  return value?.palisade === 'bans' && value.version === 1
}

/**
 * What the steps amount to: the last ban of each address and jail that was not lifted, in the order
 * of the file.
 */
export function replay(steps: Iterable<Step>): readonly BanRecord[] {
  const byAddress = new Map<string, Map<string, BanRecord>>()
  for (const step of steps) {
    if ('unban' in step) {
      byAddress.delete(step.unban)
      continue
    }
    const { ban } = step
    const jails = byAddress.get(ban.ip) ?? new Map<string, BanRecord>()
    jails.delete(ban.jail)
    jails.set(ban.jail, ban)
    byAddress.set(ban.ip, jails)
  }
  return [...byAddress.values()].flatMap(jails => [...jails.values()])
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
