/**
 * The fields of draft-ietf-httpapi-ratelimit-headers in the form of drafts 08 to 11: lists of
 * structured-field strings with parameters (RFC 9651). The draft still moves; nothing outside this
 * file knows its syntax.
 */
export const POLICY_FIELD = 'RateLimit-Policy'
export const STATE_FIELD = 'RateLimit'

/**
 * `"burst";q=20;w=1`: the quota, and its window in whole seconds. Policy names need no escaping.
 */
export function policyItem(name: string, limit: number, windowMs: number): string {
  return `"${name}";q=${limit};w=${seconds(windowMs)}`
}

/**
 * `"burst";r=12;t=1`: what is left, and in how many seconds there is more. No `t` when there never
 * is.
 */
export function stateItem(name: string, remaining: number, nextMs: number): string {
  return nextMs === Number.POSITIVE_INFINITY
    ? `"${name}";r=${remaining}`
    : `"${name}";r=${remaining};t=${seconds(nextMs)}`
}

/** One more item in a list. */
export function listed(list: string, item: string): string {
  if (list === '') return item
  return item === '' ? list : `${list},${item}`
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000)
}
