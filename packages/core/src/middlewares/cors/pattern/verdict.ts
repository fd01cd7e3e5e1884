import { internalSuffix, isDeepSuffix, isPublicSuffix } from './public-suffix.js'
import { is, isOnePiece, type Place, textOf } from './tail.js'

/**
 * Whether the end of a host names one owner. `open`: more of it decides. `impossible`: no origin
 * ends like that.
 */
export type Verdict = 'open' | 'fixed' | 'foreign' | 'impossible'

/**
 * Looks at the end of an origin, from a boundary of a label on. `foreign` is an end whose
 * registered domain the pattern leaves open, so that another owner can have it.
 *
 * @param isWhole whether this is all of the host
 */
export function verdictOn(end: readonly Place[], isWhole: boolean): Verdict {
  const host = withoutPort(end)
  if (host === undefined) return 'impossible'
  if (host.some(place => is(place, ']'))) return isWhole ? known(host) : 'open'
  const labels = labelsOf(host)
  const last = labels.at(-1) ?? []
  if (labels.some(label => label.length === 0)) return 'impossible'
  if (last.every(isDigit)) return isWhole ? verdictOnAddress(labels) : 'open'
  return verdictOnName(labels, isWhole)
}

const known = (host: readonly Place[]): Verdict => (textOf(host) === undefined ? 'foreign' : 'fixed')

/** `undefined` where what follows the colon can be no port. */
function withoutPort(end: readonly Place[]): readonly Place[] | undefined {
  const bracket = end.findLastIndex(place => is(place, ']'))
  const colon = end.findIndex((place, i) => i > bracket && is(place, ':'))
  if (colon < 0) return end
  const port = end.slice(colon + 1)
  const isPort = port.length > 0 && port.every(({ characters }) => DIGITS.some(c => characters.has(c)))
  return isPort ? end.slice(0, colon) : undefined
}

function labelsOf(host: readonly Place[]): readonly (readonly Place[])[] {
  // A name may end with a dot, which is the root of all names.
  const name = host.length > 1 && is(host.at(-1), '.') ? host.slice(0, -1) : host
  const labels: Place[][] = [[]]
  for (const place of name) {
    if (is(place, '.')) labels.push([])
    else labels.at(-1)?.push(place)
  }
  return labels
}

function verdictOnName(labels: readonly (readonly Place[])[], isWhole: boolean): Verdict {
  const texts = literalEnd(labels)
  const ends = texts.map((_, i) => texts.slice(i).join('.'))
  if (internalSuffix(texts.at(-1)) && isOnePiece(labels.at(-1) ?? [])) return 'fixed'
  const isDeep = ends.some(isDeepSuffix)
  if (isDeep && texts.length === labels.length && !isWhole) return 'open'
  const suffix = ends.find(isPublicSuffix)?.split('.').length ?? 1
  const needed = isDeep ? labels.length : suffix + 1
  if (labels.length < needed && !isWhole) return 'open'
  const decides = labels.slice(-needed)
  return decides.every(label => textOf(label) !== undefined && isOnePiece(label)) ? 'fixed' : 'foreign'
}

/** The labels at the end that are written out. */
function literalEnd(labels: readonly (readonly Place[])[]): readonly string[] {
  const texts: string[] = []
  for (const label of labels.toReversed()) {
    const text = textOf(label)
    if (text === undefined) break
    texts.unshift(text)
  }
  return texts
}

const DIGITS = [...'0123456789']

const isDigit = ({ characters }: Place): boolean => [...characters].every(c => DIGITS.includes(c))

const MOST_NETWORKS = 2000

/** RFC 1918, RFC 3927 and the loopback, where no site of the internet is. */
const PRIVATE = /^(?:10\.\d+|127\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254)$/

function verdictOnAddress(labels: readonly (readonly Place[])[]): Verdict {
  if (labels.length !== 4) return labels.every(label => label.every(isDigit)) ? 'impossible' : 'foreign'
  if (labels.every(label => textOf(label) !== undefined)) return 'fixed'
  const [first = [], second = []] = labels
  const places = [...first, undefined, ...second]
  const count = places.reduce((product, place) => product * (place?.characters.size ?? 1), 1)
  if (count > MOST_NETWORKS || !labels.every(label => label.every(isDigit))) return 'foreign'
  let networks = ['']
  for (const place of places)
    networks = networks.flatMap(text => [...(place?.characters ?? '.')].map(c => text + c))
  return networks.filter(isCanonical).every(network => PRIVATE.test(network)) ? 'fixed' : 'foreign'
}

const isCanonical = (network: string): boolean =>
  network.split('.').every(part => String(Number(part)) === part && Number(part) <= 255)
