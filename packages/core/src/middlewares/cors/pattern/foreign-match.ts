import type { Node } from './node.js'
import { parse } from './parse.js'
import { before, is, isLiteral, type Place, placesOf, type Tail } from './tail.js'
import { verdictOn } from './verdict.js'

/**
 * What a pattern lets in besides the domains that it writes out. `origin` is an example, as a
 * browser would send it. `unclear`: the pattern could not be shown to match its own domains alone.
 */
export type ForeignMatch = { readonly origin: string } | 'unclear'

/**
 * Reads a pattern from its end, where the registered domain stands. Each way through its choices
 * and repetitions has to spell that domain out, in one piece a label. The labels in front are not
 * read, since its owner decides about them.
 */
export function foreignMatch(pattern: RegExp): ForeignMatch | undefined {
  if (pattern.source.length > LONGEST_SOURCE) return 'unclear'
  const reader = new Reader(pattern)
  try {
    reader.read()
  } catch (stop) {
    if (stop !== STOP) throw stop
  }
  return reader.found
}

const LONGEST_SOURCE = 20_000
/** The steps that are taken on the whole, and of these those that look for an example. */
const MOST_STEPS = 100_000
const MOST_EXAMPLE_STEPS = 20_000
const LONGEST_ORIGIN = 512

const STOP = Symbol('stop')

type Next = (tail: Tail | undefined) => void

class Reader {
  found: ForeignMatch | undefined = undefined
  private readonly pattern: RegExp
  private steps = MOST_STEPS

  constructor(pattern: RegExp) {
    this.pattern = pattern
  }

  read(): void {
    this.visit(parse(this.pattern), undefined, {}, tail => this.complete(tail))
  }

  /** Puts every text of the node in front of the tail, as far as the verdict depends on it. */
  private visit(node: Node, tail: Tail | undefined, written: object, next: Next): void {
    if (this.steps-- <= 0) this.stop(this.found ?? 'unclear')
    if (node.kind === 'character') this.extend({ characters: node.set, written }, tail, next)
    else if (node.kind === 'sequence') this.all(node.parts, tail, written, next)
    else if (node.kind === 'choice') for (const branch of node.branches) this.visit(branch, tail, {}, next)
    else
      for (const times of new Set([node.min, Math.min(node.min + 1, node.max)]))
        this.repeat(node, times, tail, written, next)
  }

  private all(parts: readonly Node[], tail: Tail | undefined, written: object, next: Next): void {
    const from = (i: number, end: Tail | undefined): void => {
      const part = parts[i]
      if (part === undefined) next(end)
      else this.visit(part, end, written, longer => from(i - 1, longer))
    }
    from(parts.length - 1, tail)
  }

  private repeat(
    { node, min, max }: Extract<Node, { kind: 'repeat' }>,
    times: number,
    tail: Tail | undefined,
    written: object,
    next: Next,
  ): void {
    // No origin is that long.
    if (times > LONGEST_ORIGIN) return
    const again = (left: number, end: Tail | undefined): void => {
      if (left === 0) next(end)
      else this.visit(node, end, min === max ? written : {}, longer => again(left - 1, longer))
    }
    again(times, tail)
  }

  private extend(place: Place, tail: Tail | undefined, next: Next): void {
    const { characters } = place
    if (characters.size === 0 || tail?.length === LONGEST_ORIGIN) return
    const isBoundary = [...characters].every(c => c === '.' || c === '/')
    if (isBoundary && tail?.hasHost !== true) {
      const verdict = verdictOn(placesOf(tail), is(place, '/'))
      if (verdict === 'fixed' || verdict === 'impossible') return
    }
    next(before(place, tail))
  }

  /** A whole text: either its host is foreign, or no browser sends it. */
  private complete(tail: Tail | undefined): void {
    const places = placesOf(tail)
    if (!places.some(({ characters }) => characters.has('/')) || isFixed(places)) return
    if (this.found === undefined) {
      this.found = 'unclear'
      this.steps = Math.min(this.steps, MOST_EXAMPLE_STEPS)
    }
    const origin = exampleOf(places)
    if (!this.pattern.test(origin) || !isSent(origin)) return
    // One that the pattern leaves open shows more than one that it writes in pieces.
    if (places.every(isLiteral)) this.found = { origin }
    else this.stop({ origin })
  }

  private stop(found: ForeignMatch): never {
    this.found = found
    throw STOP
  }
}

/** Where no slash is written, the scheme and the host begin somewhere in front. */
function isFixed(places: readonly Place[]): boolean {
  const slash = places.findLastIndex(place => is(place, '/'))
  const verdict = verdictOn(places.slice(slash + 1), true)
  return verdict === 'fixed' || verdict === 'impossible'
}

const PREFERRED = [...'qzx87']

/** One of the texts, with letters where the pattern leaves them open. */
function exampleOf(places: readonly Place[]): string {
  return places.map(({ characters }) => PREFERRED.find(c => characters.has(c)) ?? [...characters][0]).join('')
}

function isSent(origin: string): boolean {
  const url = URL.canParse(origin) ? new URL(origin) : undefined
  return url !== undefined && `${url.protocol}//${url.host}` === origin
}
