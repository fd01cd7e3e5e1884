import { ConfigError } from '../errors/config-error.js'

/** Where a value stands: the factory that was called and the path of the option in its argument. */
export interface OptionPath {
  readonly owner: string
  readonly option: string
}

/** Refuses the option with a `ConfigError`. */
export function refuse(at: OptionPath, value: unknown, allowed: string, cause?: unknown): never {
  throw new ConfigError({ owner: at.owner, option: at.option, value, allowed, cause })
}

/**
 * The path of a part: `within(policies, 0)` is `policies[0]`, `within(hsts, 'maxAge')` is
 * `hsts.maxAge`.
 */
export function within(at: OptionPath, part: string | number): OptionPath {
  if (typeof part === 'number') return { owner: at.owner, option: `${at.option}[${part}]` }
  return { owner: at.owner, option: at.option === '' ? part : `${at.option}.${part}` }
}
