import process from 'node:process'
import { ConfigError } from '@palisade/core'

/**
 * A module of Node that some runtimes lack. It is looked up when a check that needs it is built, so that all other checks run there.
 *
 * @throws ConfigError where the runtime does not have it
 */
export function builtin<ID extends keyof Builtins>(owner: string, id: ID): Builtins[ID] {
  const found = process.getBuiltinModule(id) as Builtins[ID] | undefined
  return found ?? refuseRuntime(owner, id)
}

interface Builtins {
  readonly 'node:perf_hooks': typeof import('node:perf_hooks')
  readonly 'node:v8': typeof import('node:v8')
}

/** @throws ConfigError */
export function refuseRuntime(owner: string, id: string, cause?: unknown): never {
  throw new ConfigError({
    owner,
    option: 'runtime',
    value: globalThis.navigator?.userAgent ?? 'unknown',
    allowed: `Node, Bun or Deno, which have ${id}`,
    cause,
  })
}
