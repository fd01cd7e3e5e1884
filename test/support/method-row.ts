import type { Middleware } from '@palisade/core'

export type AnyFunction = (...args: never[]) => unknown

type Methods<T> = {
  [K in keyof T]-?: NonNullable<T[K]> extends AnyFunction ? K : never
}[keyof T] &
  string

/** Without the hooks of a middleware, which the test of copies calls. */
type Public<T> = 'onRequest' extends keyof T ? Exclude<Methods<T>, keyof Middleware> : Methods<T>

/**
 * How each method is called, and the result to compare. A method without an entry does not compile.
 */
export type Calls<T> = {
  readonly [K in Public<T>]: (method: NonNullable<T[K]>, object: T) => unknown
}

/** What a factory returns, and how each of its methods is called. */
export interface MethodRow {
  readonly name: string
  readonly build: () => object
  readonly calls: Readonly<Record<string, (method: never, object: never) => unknown>>
}

export function row<T extends object>(name: string, build: () => T, calls: Calls<T>): MethodRow {
  return { name, build, calls }
}
