const MOST_RANGES = 64
const QUALITY = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i

/**
 * Whether the client would rather have HTML than JSON (RFC 9110 section 12.5.1). A tie, a wildcard alone, and a missing field mean JSON:
 * programs say `Accept: *\/*`, browsers name `text/html`.
 */
export function prefersHtml(accept: string | undefined): boolean {
  if (accept === undefined) return false
  return qualityOf(accept, 'text', 'html') > qualityOf(accept, 'application', 'json')
}

/** What the most specific range says of the type. */
function qualityOf(accept: string, type: string, subtype: string): number {
  let best = 0
  let specificity = 0
  for (const range of accept.split(',', MOST_RANGES)) {
    const [name = '', ...parameters] = range.split(';').map(part => part.trim())
    const rank = rankOf(name.toLowerCase(), type, subtype)
    if (rank <= specificity) continue
    specificity = rank
    best = weightOf(parameters)
  }
  return best
}

function rankOf(name: string, type: string, subtype: string): number {
  if (name === `${type}/${subtype}`) return 3
  if (name === `${type}/*`) return 2
  return name === '*/*' ? 1 : 0
}

/** A weight that is none is the whole weight of nothing: the range does not count. */
function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find(parameter => /^q=/i.test(parameter))
  if (weight === undefined) return 1
  const digits = QUALITY.exec(weight)?.[1]
  return digits === undefined ? 0 : Number(digits)
}
