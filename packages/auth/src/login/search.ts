/**
 * The query of a request target as it was sent, with its question mark, without the parameters that
 * hold credentials.
 */
export function searchOf(target: string, secrets: ReadonlySet<string>): string {
  const end = target.indexOf('#')
  const whole = end < 0 ? target : target.slice(0, end)
  const start = whole.indexOf('?')
  if (start < 0 || start === whole.length - 1) return ''
  const search = whole.slice(start)
  if (secrets.size === 0) return search
  const kept = search
    .slice(1)
    .split('&')
    .filter(pair => !secrets.has(nameOf(pair)))
  return kept.length === 0 ? '' : `?${kept.join('&')}`
}

/** As a server reads it, so that another spelling of the name is not another parameter. */
const nameOf = (pair: string) => [...new URLSearchParams(pair).keys()][0] ?? ''
