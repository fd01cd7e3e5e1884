import {
  type Check,
  foldCase,
  list,
  object,
  oneOf,
  optional,
  refuse,
  routingPath,
  text,
  within,
} from '@palisade/core'
import type { Strategy } from '../strategy.js'
import { intersection, isSame, matches, type Pattern, pattern, specificity } from './pattern.js'

export interface AuthRule<Mode extends RuleMode = RuleMode> {
  /** `/health`, `/orders/*`, `/api/**`: decoded, compared without regard to case. */
  path: string
  /** The names of the strategies that are tried here, in the order of their challenges. Default: all. */
  use?: readonly string[]
  /** `required` (default): 401 without a credential. `optional`: anonymous without one. `public`: credentials are not even read. */
  mode?: Mode
  /** What two credentials in one request mean: `refuse` (default) with 400, or `first`: that of the strategy named first is final. */
  several?: 'refuse' | 'first'
}

export type RuleMode = 'required' | 'optional' | 'public'

/** A rule, ready to be applied. */
export interface Rule {
  readonly strategies: readonly Strategy[]
  readonly mode: RuleMode
  readonly several: 'refuse' | 'first'
}

/** Which rule a path falls under: `'ambiguous'` when hosts would not agree on the path, `undefined` when no rule matches. */
export type FindRule = (path: string) => Rule | 'ambiguous' | undefined

export const ruleList: Check<readonly CheckedRule[]> = list(
  object({
    path: pattern,
    use: optional(list(text(), { min: 1, max: 20 })),
    mode: optional(oneOf('required', 'optional', 'public'), 'required'),
    several: optional(oneOf('refuse', 'first'), 'refuse'),
  }),
  { min: 1, max: 1000 },
)

interface CheckedRule {
  readonly path: Pattern
  readonly use: readonly string[] | undefined
  readonly mode: RuleMode
  readonly several: 'refuse' | 'first'
}

/**
 * The most specific rule wins: the one whose paths are a part of the other's. Where two overlap and neither is a part of the other, somebody
 * must say what holds in the middle: without a rule for exactly the paths that both match, they tie.
 *
 * @throws ConfigError for an unknown strategy, a strategy named twice or by a public rule, and rules that tie
 */
export function compileRules(
  owner: string,
  rules: readonly CheckedRule[],
  strategies: readonly Strategy[],
): FindRule {
  const at = { owner, option: 'rules' }
  rules.forEach((rule, index) => {
    for (const [earlier, other] of rules.slice(0, index).entries())
      refuseTie(rule.path, other.path, index, earlier)
  })
  const byName = new Map(strategies.map(strategy => [strategy.name, strategy]))
  const compiled = rules.map((rule, index) => ({ path: rule.path, rule: compile(rule, index) }))
  compiled.sort((one, other) => specificity(other.path) - specificity(one.path))

  return path => {
    const named = routingPath(path)
    if (named === undefined) return 'ambiguous'
    const folded = foldCase(named)
    for (const { path, rule } of compiled) if (matches(path, folded)) return rule
    return undefined
  }

  function compile({ use, mode, several }: CheckedRule, index: number): Rule {
    const here = within(within(at, index), 'use')
    if (mode === 'public' && use !== undefined)
      refuse(here, use, 'nothing where mode is "public": no credential is read')
    const chosen = use?.map((name, place) => {
      const names = [...byName.keys()].map(known => `"${known}"`).join(', ')
      const strategy = byName.get(name)
      if (strategy === undefined) return refuse(within(here, place), name, `the name of a strategy: ${names}`)
      if (use.indexOf(name) !== place) return refuse(within(here, place), name, 'each strategy once')
      return strategy
    })
    return Object.freeze({ strategies: Object.freeze(chosen ?? strategies), mode, several })
  }

  function refuseTie(path: Pattern, other: Pattern, index: number, earlier: number): void {
    const here = within(within(at, index), 'path')
    if (isSame(path, other)) refuse(here, path.text, `another path than rules[${earlier}]`)
    const both = intersection(path, other)
    if (both === undefined || rules.some(rule => isSame(rule.path, both))) return
    refuse(
      here,
      path.text,
      `no tie with rules[${earlier}] "${other.text}": both match "${both.text}", so add a rule for that`,
    )
  }
}
