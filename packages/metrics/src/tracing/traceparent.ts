/** The ids that a request came with, or was given. https://www.w3.org/TR/trace-context/ */
export interface Trace {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string
  /** 16 digits: the span of this request here. */
  readonly spanId: string
  /** 16 digits: the caller's span; `undefined` when the trace begins here. */
  readonly parentId: string | undefined
  readonly sampled: boolean
  /**
   * Whether the last 14 digits of the trace id are random (level 2): samplers downstream may count
   * on it.
   */
  readonly random: boolean
  /**
   * The caller's `tracestate`, to be passed on unchanged; `undefined` when there was none or it
   * cannot be valid.
   */
  readonly state: string | undefined
}

export interface Traceparent {
  readonly traceId: string
  readonly parentId: string
  readonly sampled: boolean
  readonly random: boolean
}

/** The flags of level 2. Others are never passed on. */
const SAMPLED = 1
const RANDOM = 2

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/**
 * Reads a `traceparent`. Version `ff`, upper case, ids of zeros and anything but 55 characters in
 * version 00 are refused; higher versions may have more behind.
 */
export function parseTraceparent(value: string | undefined): Traceparent | undefined {
  if (value === undefined || value.length > 512) return undefined
  const match = FORM.exec(value)
  if (match === null) return undefined
  const [, version, traceId = '', parentId = '', flags = '', more] = match
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined
  return { traceId, parentId, ...readFlags(Number.parseInt(flags, 16)) }
}

export function readFlags(flags: number): Pick<Traceparent, 'sampled' | 'random'> {
  return { sampled: (flags & SAMPLED) !== 0, random: (flags & RANDOM) !== 0 }
}

/** The flags as two digits. */
export function writeFlags({ sampled, random = false }: { sampled: boolean; random?: boolean }): string {
  return `0${(sampled ? SAMPLED : 0) | (random ? RANDOM : 0)}`
}

const MEMBER =
  /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

/**
 * A `tracestate` that may be passed on: at most 32 members of the right form. A bad one is left out
 * and does not void the trace. Of members with the same key the first is kept, which is the newest.
 */
export function validTracestate(value: string | undefined): string | undefined {
  if (value === undefined || value.length > 8192) return undefined
  const members = value
    .split(',')
    .map(member => member.trim())
    .filter(member => member !== '')
  const isValid = members.length > 0 && members.length <= 32 && members.every(member => MEMBER.test(member))
  return isValid ? firstOfEachKey(members).join(',') : undefined
}

function firstOfEachKey(members: readonly string[]): readonly string[] {
  const keys = new Set<string>()
  return members.filter(member => {
    const key = member.slice(0, member.indexOf('='))
    const isFirst = !keys.has(key)
    keys.add(key)
    return isFirst
  })
}
