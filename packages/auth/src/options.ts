import {
  checkOptions,
  having,
  type Limiter,
  list,
  mode,
  optional,
  refuse,
  within,
} from '@palisade/core/middleware'
import { type Throttles, throttleOption } from './attempts/throttle.js'
import { type Login, type LoginOptions, loginOptions } from './login/login-redirect.js'
import { type AuthRule, compileRules, type FindRule, requiredEverywhere, ruleList } from './rules/rules.js'
import type { Strategy } from './strategy.js'

export interface AuthenticateOptions {
  /** The ways to prove who one is; at least one, each name once. */
  strategies: readonly Strategy[]
  /**
   * What holds where. Default: everything is required, by any strategy. A path that no rule matches
   * is refused.
   */
  rules?: readonly AuthRule[]
  /** Where browsers are sent instead of a 401. Default: nowhere. */
  login?: LoginOptions
  /**
   * A limiter of wrong attempts by the name of its strategy, asked with the client key. Default: no
   * throttle. A refused attempt is a violation of source `auth-throttled`.
   */
  throttle?: Readonly<Record<string, Limiter>>
  /**
   * `shadow`: decide and emit events, but let every request through. A request that is not
   * authenticated has no identity. Default `enforce`.
   */
  mode?: 'enforce' | 'shadow'
}

/** Options under which nothing passes without an identity. */
export interface AlwaysRequired extends AuthenticateOptions {
  rules?: readonly AuthRule<'required'>[]
  mode?: 'enforce'
}

/** The options of `authenticate()`, ready to be used. */
export interface AuthenticateSettings {
  readonly strategies: readonly Strategy[]
  readonly findRule: FindRule
  readonly login: Login | undefined
  readonly throttles: Throttles
  readonly isShadow: boolean
}

const owner = 'authenticate'

/** @throws ConfigError */
export function authenticateSettings(options: AuthenticateOptions): AuthenticateSettings {
  const checked = checkOptions(owner, options, {
    strategies: list(having<Strategy>('a strategy', 'extract', 'verify', 'challenge'), { min: 1, max: 20 }),
    rules: optional(ruleList),
    login: optional(loginOptions),
    throttle: optional(throttleOption, new Map()),
    mode,
  })
  const { strategies, rules, login, throttle: throttles } = checked
  refuseOddNames(strategies)
  refuseUnknownThrottles(strategies, throttles)
  const findRule =
    rules === undefined ? requiredEverywhere(strategies) : compileRules(owner, rules, strategies)
  return { strategies, findRule, login, throttles, isShadow: checked.mode === 'shadow' }
}

/** RFC 9110 section 11.1: a token. */
const SCHEME = /^[\w!#$%&'*+.^`|~-]+$/

function refuseOddNames(strategies: readonly Strategy[]): void {
  const at = { owner, option: 'strategies' }
  strategies.forEach(({ name, scheme }, index) => {
    if (typeof name !== 'string' || name === '') refuse(within(within(at, index), 'name'), name, 'a name')
    if (typeof scheme !== 'string' || !SCHEME.test(scheme))
      refuse(within(within(at, index), 'scheme'), scheme, 'an authentication scheme such as "Bearer"')
    if (strategies.findIndex(other => other.name === name) !== index)
      refuse(within(within(at, index), 'name'), name, 'a name that no other strategy has')
  })
}

function refuseUnknownThrottles(strategies: readonly Strategy[], throttles: Throttles): void {
  const names = strategies.map(({ name }) => name)
  for (const name of throttles.keys()) {
    if (names.includes(name)) continue
    const known = names.map(each => `"${each}"`).join(', ')
    refuse({ owner, option: `throttle.${name}` }, name, `the name of a strategy: ${known}`)
  }
}
