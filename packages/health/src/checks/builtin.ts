import process from 'node:process'
import { refuseRuntime } from '@palisade/core/middleware'

/** What to do on a runtime on which a check of the process cannot run. */
export const LEAVE_OUT = 'leave this check out'

/**
 * A module of Node that some runtimes lack. It is looked up when a check that needs it is built, so
 * that all other checks run there.
 *
 * @throws ConfigError where the runtime does not have it
 */
export function builtin<ID extends keyof Builtins>(owner: string, id: ID): Builtins[ID] {
  const found = process.getBuiltinModule(id) as Builtins[ID] | undefined
  return found ?? refuseRuntime(owner, { needs: id, instead: LEAVE_OUT })
}

interface Builtins {
  readonly 'node:perf_hooks': typeof import('node:perf_hooks')
  readonly 'node:v8': typeof import('node:v8')
}
