/** The part of `AsyncResource` that is used here. */
interface Scope {
  runInAsyncScope<This, Args extends readonly unknown[]>(
    run: (this: This, ...args: Args) => void,
    self: This,
    ...args: Args
  ): void
}

interface Process {
  getBuiltinModule?(name: string): { AsyncResource?: new (type: string) => Scope } | undefined
}

const { process } = globalThis as { process?: Process }

/** Node, Bun, Deno and workerd have asynchronous contexts, and give them without an import. */
const AsyncResource = process?.getBuiltinModule?.('async_hooks')?.AsyncResource

/** The present asynchronous context; `undefined` where the platform has none. */
export function presentScope(): Scope | undefined {
  return AsyncResource === undefined ? undefined : new AsyncResource('palisade.request')
}
