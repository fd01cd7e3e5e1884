import { bindMethods, type Check, list, object, oneOf, optional, refuse } from '@palisade/core/middleware'
import { MOST_SEGMENTS } from '../helpers/patterns.js'
import { ACTIONS, type Action, ALL, BIT, DENY, isAction } from './actions.js'

/** `true` grants, `'deny'` forbids whatever else grants it, `false` and nothing do neither. */
export type Granted = boolean | 'deny'

/** What may be done to one resource, or to those that a pattern covers. */
export interface GrantRow extends Partial<Record<Action, Granted>> {
  /** `users`, `shop:orders`; `*` for any one segment, `**` at the end for one or more. */
  resource: string
}

/**
 * A row, or `resource:action` in text: `shop:orders:read`, `shop:*:read`, `shop:**`,
 * `!shop:orders:delete`.
 */
export type Grant = string | GrantRow

/** A pattern of a certain form: which of its segments are `*`, and whether `**` follows them. */
interface Shape {
  readonly length: number
  readonly wild: readonly boolean[]
  readonly deep: boolean
}

const LONGEST = 512
const PATTERN = `1 to ${MOST_SEGMENTS} segments joined by ":", none of them empty, where a segment may be "*" and the last one "**"`

/**
 * Grants made ready to be asked: one map from patterns to bits. A question costs one look-up for
 * the resource and one for each form of pattern that the grants have, however many rows there are.
 * Immutable.
 */
export class Grants {
  /** How many different patterns there are. */
  readonly size: number
  readonly #bits: ReadonlyMap<string, number>
  readonly #shapes: readonly Shape[]

  /** @internal */
  constructor(bits: ReadonlyMap<string, number>) {
    this.#bits = bits
    this.size = bits.size
    const shapes = new Map([...bits.keys()].map(pattern => [formOf(pattern), shapeOf(pattern)]))
    this.#shapes = [...shapes.values()].filter(({ deep, wild }) => deep || wild.includes(true))
  }

  /**
   * Whether the action is granted and not denied. Denial wins, however wide or narrow the patterns
   * are. False for a resource that is no plain name: too long, with too many segments, an empty
   * one, or a `*`.
   */
  allows(resource: string, action: Action): boolean {
    if (!isPlainResource(resource)) return false
    let bits = this.#bits.get(resource) ?? 0
    if (this.#shapes.length > 0) bits |= this.#bitsOfPatterns(resource.split(':'))
    const bit = BIT[action]
    return (bits & bit) !== 0 && (bits & (bit << DENY)) === 0
  }

  #bitsOfPatterns(segments: readonly string[]): number {
    let bits = 0
    for (const { length, wild, deep } of this.#shapes) {
      if (deep ? segments.length <= length : segments.length !== length) continue
      let pattern = ''
      for (let i = 0; i < length; i++)
        pattern += `${i === 0 ? '' : ':'}${wild[i] === true ? '*' : segments[i]}`
      if (deep) pattern += length === 0 ? '**' : ':**'
      bits |= this.#bits.get(pattern) ?? 0
    }
    return bits
  }
}

/**
 * Compiles grants once, for a function that would otherwise return the same rows at each request.
 *
 * @throws ConfigError naming the row that is wrong
 */
export function compileGrants(grants: readonly Grant[]): Grants {
  return bindMethods(grantsOption(grants, { owner: 'compileGrants', option: 'grants' }), 'allows')
}

/** An option that is a list of grants, or compiled already. */
export const grantsOption: Check<Grants> = (value, at) =>
  value instanceof Grants ? value : new Grants(joined(list(grant, { max: 1_000_000 })(value, at).flat()))

/**
 * The permissions that a credential carries. A text that is no `resource:action` grants nothing, as
 * issuers put other things there too.
 *
 * @throws TypeError for a denial that cannot be read: passing it over would allow what it forbids
 */
export function compilePermissions(permissions: readonly string[]): Grants {
  const read: Entry[] = []
  for (const permission of permissions) {
    const entries = textEntries(permission)
    if (entries !== undefined) read.push(...entries)
    else if (typeof permission !== 'string' || permission.startsWith('!'))
      throw new TypeError('a permission of the credential denies something that cannot be read')
  }
  return new Grants(joined(read))
}

/** Whether the text can name a resource in a question. */
export function isPlainResource(resource: string): boolean {
  if (resource.length === 0 || resource.length > LONGEST || resource.includes('*')) return false
  let segments = 1
  let start = 0
  for (let colon = resource.indexOf(':'); colon >= 0; colon = resource.indexOf(':', start)) {
    if (colon === start || ++segments > MOST_SEGMENTS) return false
    start = colon + 1
  }
  return start < resource.length
}

type Entry = readonly [pattern: string, bits: number]

function joined(entries: readonly Entry[]): ReadonlyMap<string, number> {
  const map = new Map<string, number>()
  for (const [pattern, bits] of entries) map.set(pattern, (map.get(pattern) ?? 0) | bits)
  return map
}

const granted = optional(oneOf<Granted>(true, false, 'deny'))
const row = object({
  resource: (value, at) =>
    typeof value === 'string' && isPattern(value) ? value : refuse(at, value, `a resource: ${PATTERN}`),
  read: granted,
  create: granted,
  update: granted,
  delete: granted,
})

const grant: Check<readonly Entry[]> = (value, at) => {
  if (typeof value !== 'string') return [rowEntry(row(value, at))]
  return (
    textEntries(value) ??
    refuse(
      at,
      value,
      `"resource:action", or "!resource:action" to deny; the action is ${ACTIONS.join(', ')}, * or **, the resource ${PATTERN}`,
    )
  )
}

function rowEntry({ resource, ...actions }: ReturnType<typeof row>): Entry {
  let bits = 0
  for (const action of ACTIONS) {
    if (actions[action] === true) bits |= BIT[action]
    else if (actions[action] === 'deny') bits |= BIT[action] << DENY
  }
  return [resource, bits]
}

/** `undefined` for what is no `resource:action`. */
function textEntries(text: unknown): readonly Entry[] | undefined {
  if (typeof text !== 'string' || text.length > LONGEST) return undefined
  const denies = text.startsWith('!')
  const pattern = denies ? text.slice(1) : text
  const shift = denies ? DENY : 0
  if (pattern === '**') return [['**', ALL << shift]]
  const colon = pattern.lastIndexOf(':')
  const resource = pattern.slice(0, Math.max(colon, 0))
  const action = pattern.slice(colon + 1)
  if (!isPattern(resource)) return undefined
  if (action === '*') return [[resource, ALL << shift]]
  if (isAction(action)) return [[resource, BIT[action] << shift]]
  const below = `${resource}:**`
  if (action !== '**' || !isPattern(below)) return undefined
  // `shop:**` is all of `shop:read` and of `shop:orders:read`.
  return [
    [resource, ALL << shift],
    [below, ALL << shift],
  ]
}

function isPattern(text: string): boolean {
  if (text.length > LONGEST || text.startsWith('!')) return false
  const segments = text.split(':')
  return (
    segments.length <= MOST_SEGMENTS &&
    segments.every(
      (segment, i) =>
        segment === '*' ||
        (segment === '**' && i === segments.length - 1) ||
        (segment !== '' && !segment.includes('*')),
    )
  )
}

function shapeOf(pattern: string): Shape {
  const segments = pattern.split(':')
  const deep = segments.at(-1) === '**'
  const fixed = deep ? segments.slice(0, -1) : segments
  return { length: fixed.length, wild: fixed.map(segment => segment === '*'), deep }
}

const formOf = (pattern: string) =>
  pattern
    .split(':')
    .map(segment => (segment === '*' || segment === '**' ? segment : 'x'))
    .join(':')
