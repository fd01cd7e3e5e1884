/** Whether `Accept` prefers JSON to text. Prometheus asks for text types by name, browsers for HTML, neither for JSON. */
export function wantsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept.length > 1000) return false
  return (
    weightOf(accept, 'application/json') >
    Math.max(weightOf(accept, 'text/plain'), weightOf(accept, 'application/openmetrics-text'))
  )
}

/** The weight of a type by the most specific range that covers it, RFC 9110 section 12.5.1. */
function weightOf(accept: string, type: string): number {
  const [major] = type.split('/')
  let weight = 0
  let specificity = 0
  for (const range of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map(part => part.trim())
    const level = name === type ? 3 : name === `${major}/*` ? 2 : name === '*/*' ? 1 : 0
    if (level < specificity || level === 0) continue
    const q = parameters.find(parameter => parameter.startsWith('q='))?.slice(2)
    const parsed = q === undefined ? 1 : Number(q)
    weight = parsed >= 0 && parsed <= 1 ? parsed : 0
    specificity = level
  }
  return weight
}
