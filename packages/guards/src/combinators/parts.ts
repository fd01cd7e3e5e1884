import { ConfigError } from '@palisade/core/middleware'
import { toNamed } from '../define-guard.js'
import { type AnyGuard, FACTS, type NamedGuard } from '../named-guard.js'

export type Part = NamedGuard<never, never>

/** A part whose context the types of the combinator have already demanded. */
export type Asked = NamedGuard<unknown, unknown>

/** The guards that a combinator was given, of which there must be some. */
export function partsOf(owner: string, guards: readonly AnyGuard[]): readonly Part[] {
  if (guards.length === 0) {
    throw new ConfigError({
      owner,
      option: 'guards',
      value: guards,
      allowed: 'at least one guard: no answer to an empty list is safe for everybody',
    })
  }
  return Object.freeze(guards.map((guard, i) => toNamed(guard, { owner, option: `guards[${i}]` })))
}

/** `anyOf(requireRole, requireOwnership)`, and the state that all of the parts need. */
export function factsOf(owner: string, parts: readonly Part[]) {
  const name = `${owner}(${parts.map(part => part[FACTS].name).join(', ')})`
  const needs = Object.freeze([...new Set(parts.flatMap(part => part[FACTS].needs))])
  return { name, needs, parts }
}
