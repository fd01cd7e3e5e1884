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
} from '@palisade/core/middleware'
import type { Strategy } from '../strategy.js'
import { commonMethods, covers, type Methods, methods } from './methods.js'
import { intersection, isSame, matches, type Pattern, pattern, specificity } from './pattern.js'

export interface AuthRule<Login extends RuleLogin = RuleLogin> {
  /** `/health`, `/orders/*`, `/api/**`: decoded, compared without regard to case. */
  path: string
  /**
   * The methods that it holds for, in upper case. Default: all. `HEAD` follows `GET`, as in
   * routers. Of two rules with the same path the one with methods wins.
   */
  methods?: readonly string[]
  /**
   * The names of the strategies that are tried here, in the order of their challenges. Default:
   * all.
   */
  use?: readonly string[]
  /**
   * Whether a credential is needed. `required` (default): 401 without a credential. `optional`:
   * anonymous without one. `public`: credentials are not even read.
   */
  login?: Login
  /**
   * What two credentials in one request mean: `refuse` (default) with 400, or `first`: that of the
   * strategy named first is final.
   */
  several?: 'refuse' | 'first'
}

export type RuleLogin = 'required' | 'optional' | 'public'

/** A rule, ready to be applied. */
export interface Rule {
  readonly strategies: readonly Strategy[]
  readonly login: RuleLogin
  readonly several: 'refuse' | 'first'
}

/**
 * Which rule a request falls under: `'ambiguous'` when hosts would not agree on the path,
 * `undefined` when no rule matches.
 */
export type FindRule = (path: string, method: string) => Rule | 'ambiguous' | undefined

export const ruleList: Check<readonly CheckedRule[]> = list(
  object({
    path: pattern,
    methods: optional(methods),
    use: optional(list(text(), { min: 1, max: 20 })),
    login: optional(oneOf('required', 'optional', 'public'), 'required'),
    several: optional(oneOf('refuse', 'first'), 'refuse'),
  }),
  { min: 1, max: 1000 },
)

interface CheckedRule {
  readonly path: Pattern
  readonly methods: Methods
  readonly use: readonly string[] | undefined
  readonly login: RuleLogin
  readonly several: 'refuse' | 'first'
}

interface CompiledRule {
  readonly path: Pattern
  readonly methods: Methods
  readonly rule: Rule
}

/** Without rules: all paths need a credential, of any strategy. */
export function requiredEverywhere(strategies: readonly Strategy[]): FindRule {
  const rule: Rule = Object.freeze({ strategies, login: 'required', several: 'refuse' })
  return () => rule
}

/**
 * The most specific rule wins: the one whose paths are a part of the other's, and of two with the
 * same path the one with methods. Where two overlap and neither is a part of the other, the team
 * must say what holds in the middle: without a rule for exactly what both match, they tie.
 *
 * @throws ConfigError for an unknown strategy, a strategy named twice or by a public rule, and
 * rules that tie
 */
export function compileRules(
  owner: string,
  rules: readonly CheckedRule[],
  strategies: readonly Strategy[],
): FindRule {
  const at = { owner, option: 'rules' }
  rules.forEach((rule, index) => {
    for (const [earlier, other] of rules.slice(0, index).entries()) refuseTie(rule, other, index, earlier)
  })
  const byName = new Map(strategies.map(strategy => [strategy.name, strategy]))
  const compiled = rules.map((checked, index): CompiledRule => {
    const { path, methods } = checked
    return { path, methods, rule: compile(checked, index) }
  })
  compiled.sort(
    (one, other) =>
      specificity(other.path) - specificity(one.path) ||
      Number(other.methods !== undefined) - Number(one.methods !== undefined),
  )
  const known = knownMethods(rules)

  return (path, method) => {
    const named = routingPath(path)
    if (named === undefined) return 'ambiguous'
    const folded = foldCase(named)
    const asked = method === 'HEAD' ? 'GET' : method
    /** The first rule that holds for other methods only. */
    let passedOver: CompiledRule | undefined
    for (const each of compiled) {
      if (!matches(each.path, folded)) continue
      if (each.methods === undefined || each.methods.has(asked))
        return passedOver === undefined || known.has(asked) ? each.rule : strictest(compiled, folded, each)
      passedOver ??= each
    }
    return undefined
  }

  function compile({ use, login, several }: CheckedRule, index: number): Rule {
    const here = within(within(at, index), 'use')
    if (login === 'public' && use !== undefined)
      refuse(here, use, 'nothing where login is "public": no credential is read')
    const chosen = use?.map((name, place) => {
      const names = [...byName.keys()].map(known => `"${known}"`).join(', ')
      const strategy = byName.get(name)
      if (strategy === undefined) return refuse(within(here, place), name, `the name of a strategy: ${names}`)
      if (use.indexOf(name) !== place) return refuse(within(here, place), name, 'each strategy once')
      return strategy
    })
    return Object.freeze({ strategies: Object.freeze(chosen ?? strategies), login, several })
  }

  function refuseTie(rule: CheckedRule, other: CheckedRule, index: number, earlier: number): void {
    const here = within(within(at, index), 'path')
    const { path } = rule
    const common = commonMethods(rule.methods, other.methods)
    if (common === 'none') return
    if (isSame(path, other.path)) {
      // One with methods is a part of one without.
      if ((rule.methods === undefined) !== (other.methods === undefined)) return
      refuse(here, path.text, `another path than rules[${earlier}], or other methods`)
    }
    const both = intersection(path, other.path)
    // Where one is a part of the other, it is what both match.
    if (both === undefined || isSame(path, both) || isSame(other.path, both)) return
    const between = rules.filter(each => isSame(each.path, both)).map(each => each.methods)
    if (covers(between, common)) return
    refuse(
      here,
      path.text,
      `no tie with rules[${earlier}] "${other.path.text}": both match "${both.text}", so add a rule for that`,
    )
  }
}

/** Those of RFC 9110 and RFC 5789, and those that rules name. */
const knownMethods = (rules: readonly CheckedRule[]): ReadonlySet<string> =>
  new Set([
    ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    ...rules.flatMap(rule => [...(rule.methods ?? [])]),
  ])

/**
 * For a method that no rule names, such as `PROPFIND` or `post`, and that falls to a rule behind
 * one for other methods: a router may treat it as one of those. So it is open only if all these
 * rules are.
 */
function strictest(compiled: readonly CompiledRule[], folded: string, last: CompiledRule): Rule {
  const down = compiled.slice(0, compiled.indexOf(last) + 1).filter(each => matches(each.path, folded))
  const by = (login: RuleLogin) => down.findLast(({ rule }) => rule.login === login)?.rule
  return by('required') ?? by('optional') ?? last.rule
}
