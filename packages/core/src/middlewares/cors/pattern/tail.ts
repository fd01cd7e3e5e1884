import type { Characters } from './node.js'

/** One place in a text that a pattern matches. */
export interface Place {
  readonly characters: Characters
  /**
   * The choice or the repetition that the place belongs to. Two neighbours with the same one always
   * stand together.
   */
  readonly written: object
}

/** The end of a text, as a list from left to right. */
export interface Tail {
  readonly place: Place
  readonly rest: Tail | undefined
  readonly length: number
  /** A slash is written in it, so that the host is complete. */
  readonly hasHost: boolean
}

export function before(place: Place, rest: Tail | undefined): Tail {
  const hasHost = rest?.hasHost === true || is(place, '/')
  return { place, rest, length: (rest?.length ?? 0) + 1, hasHost }
}

export function placesOf(tail: Tail | undefined): readonly Place[] {
  const places: Place[] = []
  for (let at = tail; at !== undefined; at = at.rest) places.push(at.place)
  return places
}

export const isLiteral = ({ characters }: Place): boolean => characters.size === 1

export const is = (place: Place | undefined, character: string): boolean =>
  place !== undefined && isLiteral(place) && place.characters.has(character)

/** The text of places that are all literal, else `undefined`. */
export function textOf(places: readonly Place[]): string | undefined {
  return places.every(isLiteral) ? places.map(({ characters }) => [...characters][0]).join('') : undefined
}

/** Whether the places are one piece in the source, with no choice and no repetition in between. */
export const isOnePiece = (places: readonly Place[]): boolean =>
  places.every(({ written }) => written === places[0]?.written)
