const LONGEST = 1024
const MOST_RANGES = 64
/** RFC 9110 section 12.4.2. */
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/
/** Quoted texts may hold the separators. */
const RANGES = /(?:[^,"]|"(?:\\.|[^"\\])*"?)+/g
const PARTS = /(?:[^;"]|"(?:\\.|[^"\\])*"?)+/g

interface Range {
  readonly name: string
  readonly hasParameters: boolean
  readonly weight: number
}

export interface PreferredRules<T extends string> {
  /** Types that count only where a range names them: a wildcard does not mean them. */
  readonly onlyNamed?: readonly T[]
}

/**
 * The media type that a client prefers (RFC 9110 section 12.5.1), by the most specific range that
 * covers each type. A tie goes to the type that stands first in `types`, and so do a missing
 * `Accept` and one that is too long to be read. A weight that is not of the RFC's form, such as
 * `q=5` or `q=.5`, is 0.
 *
 * @param types in lower case, without parameters, the default first
 * @returns `undefined` when the client accepts none of them
 */
export function preferred<const T extends string>(
  accept: string | undefined,
  types: readonly T[],
  { onlyNamed = [] }: PreferredRules<T> = {},
): T | undefined {
  if (accept === undefined || accept.trim() === '' || accept.length > LONGEST) return types[0]
  const ranges = rangesOf(accept)
  let best: T | undefined
  let most = 0
  for (const type of types) {
    const weight = weightOf(type, ranges, onlyNamed.includes(type))
    if (weight <= most) continue
    most = weight
    best = type
  }
  return best
}

function rangesOf(accept: string): readonly Range[] {
  const texts = accept.toLowerCase().match(RANGES) ?? []
  return texts.slice(0, MOST_RANGES).map(text => {
    const [name = '', ...parameters] = (text.match(PARTS) ?? []).map(part => part.trim())
    const weight = parameters.find(parameter => parameter.startsWith('q='))
    return {
      name,
      hasParameters: parameters[0] !== undefined && parameters[0] !== weight,
      weight: weight === undefined ? 1 : numberOf(weight.slice(2)),
    }
  })
}

const numberOf = (weight: string) => (WEIGHT.test(weight) ? Number(weight) : 0)

function weightOf(type: string, ranges: readonly Range[], isOnlyNamed: boolean): number {
  let precision = 0
  let weight = 0
  for (const range of ranges) {
    const found = precisionOf(range, type)
    if (found <= precision || (isOnlyNamed && found < NAMED)) continue
    precision = found
    weight = range.weight
  }
  return weight
}

const NAMED = 3

/** A range with parameters of its own means less than all of the type. */
function precisionOf({ name, hasParameters }: Range, type: string): number {
  if (name === type) return hasParameters ? NAMED : NAMED + 1
  if (name === `${type.slice(0, type.indexOf('/'))}/*`) return 2
  return name === '*/*' ? 1 : 0
}
