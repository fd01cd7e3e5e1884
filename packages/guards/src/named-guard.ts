import type { Decision, Guard, Identity, MaybePromise, RequestContext } from '@palisade/core/middleware'

/**
 * What a guard reads that asks who is calling. Every `RequestContext` behind an authentication is
 * one.
 */
export interface Caller {
  readonly state: { readonly identity: Identity }
}

/** The context that a function is given which does not say what it needs. */
export type IdentifiedContext = RequestContext<{ identity: Identity }>

/** Survives two copies of this package in one process. */
export const FACTS: unique symbol = Symbol.for('@palisade/guards.facts/0')

/** What is known of a guard before it is asked. */
export interface GuardFacts {
  /** For logs and events; from code, never from a request. */
  readonly name: string
  /** The names of the state it reads. */
  readonly needs: readonly string[]
  /** The guards it is made of. */
  readonly parts: readonly NamedGuard<never, never>[]
}

/**
 * A guard with a name and a list of what it needs, which answers with decisions only. Every helper
 * returns one.
 */
export interface NamedGuard<Context = unknown, Record = unknown> {
  (context: Context, record?: Record | null): MaybePromise<Decision>
  readonly [FACTS]: GuardFacts
}

/** Any guard at all, made here or a plain function. */
export type AnyGuard = Guard<never, never>

export function isNamed(guard: unknown): guard is NamedGuard<never, never> {
  return typeof guard === 'function' && FACTS in guard
}

/** Gives a function that answers with decisions the facts that make it a guard. */
export function withFacts<C, R>(
  decide: (context: C, record?: R | null) => MaybePromise<Decision>,
  facts: { name: string; needs: readonly string[]; parts?: readonly NamedGuard<never, never>[] },
): NamedGuard<C, R> {
  const { name, needs, parts = [] } = facts
  Object.defineProperty(decide, 'name', { value: name })
  return Object.assign(decide, { [FACTS]: Object.freeze({ name, needs, parts }) })
}

/** The state that a context must have. */
export type StateOf<Context> = Context extends { readonly state: infer S extends object }
  ? { -readonly [K in keyof S]: S[K] }
  : {}

/**
 * The context that a guard needs. A plain function is not asked before the caller is identified.
 */
export type ContextOf<G> = G extends (context: infer C, ...rest: never) => unknown
  ? G extends { readonly [FACTS]: GuardFacts }
    ? C
    : C & Caller
  : never

/** The record that a guard needs; `unknown` when it looks at none. */
export type RecordOf<G> = G extends (context: never, record: infer R, ...rest: never) => unknown
  ? unknown extends R
    ? unknown
    : NonNullable<R>
  : unknown

/** What all of the functions take; in brackets, since one by one they would give a union. */
type Intersected<Functions> = [Functions] extends [(value: infer I) => void] ? I : never

/** The context that satisfies all of the guards. */
export type ContextsOf<G extends readonly AnyGuard[]> = Intersected<
  { [K in keyof G]: (value: ContextOf<G[K]>) => void }[number]
>

/** The record that satisfies all of the guards. */
export type RecordsOf<G extends readonly AnyGuard[]> = Intersected<
  { [K in keyof G]: (value: RecordOf<G[K]>) => void }[number]
>

/**
 * `unknown` when a request's context is enough for the guard; else a type whose name is the error
 * message.
 */
export type Fits<Context> =
  RequestContext<StateOf<Context>> extends Context
    ? unknown
    : { readonly 'needs what no request context has': Context }
