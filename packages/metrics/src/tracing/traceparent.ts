/** The ids that a request came with, or was given. https://www.w3.org/TR/trace-context/ */
export interface Trace {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string
  /** 16 digits: the span of this request here. */
  readonly spanId: string
  /** 16 digits: the caller's span; `undefined` when the trace begins here. */
  readonly parentId: string | undefined
  readonly sampled: boolean
  /** The caller's `tracestate`, to be passed on unchanged; `undefined` when there was none or it cannot be valid. */
  readonly state: string | undefined
}

export interface Traceparent {
  readonly traceId: string
  readonly parentId: string
  readonly sampled: boolean
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/**
 * Reads a `traceparent`. Version `ff`, upper case, ids of zeros and anything but 55 characters in version 00 are refused; higher versions may have more behind.
 */
export function parseTraceparent(value: string | undefined): Traceparent | undefined {
  if (value === undefined || value.length > 512) return undefined
  const match = FORM.exec(value)
  if (match === null) return undefined
  const [, version, traceId = '', parentId = '', flags = '', more] = match
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

const MEMBER =
  /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

/** A `tracestate` that may be passed on: at most 32 members of the right form. A bad one is left out and does not void the trace. */
export function validTracestate(value: string | undefined): string | undefined {
  if (value === undefined || value.length > 8192) return undefined
  const members = value
    .split(',')
    .map(member => member.trim())
    .filter(member => member !== '')
  const keys = new Set(members.map(member => member.slice(0, member.indexOf('='))))
  const isValid =
    members.length > 0 &&
    members.length <= 32 &&
    keys.size === members.length &&
    members.every(member => MEMBER.test(member))
  return isValid ? members.join(',') : undefined
}
