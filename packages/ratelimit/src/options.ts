import {
  type Check,
  type Checked,
  ConfigError,
  callback,
  checkOptions,
  having,
  type LimitHeaderOptions,
  limitHeaderOptions,
  list,
  mode,
  type OptionPath,
  type Outcome,
  object,
  oneOf,
  optional,
  type RequestContext,
  refuse,
} from '@palisade/core/middleware'
import { KeyedPolicy, type Settle } from './counting/keyed-policy.js'
import { checkNames, type EitherNames, type QuotaOptions, quotaShape } from './counting/policy.js'
import { type OnStoreFailure, onStoreFailure } from './counting/quotas.js'
import { keyFunction } from './keys/builders.js'
import type { KeyFunction } from './keys/key-function.js'
import type { LimitStore } from './stores/store.js'

/** One quota and the key that it is counted by. */
export interface PolicyOptions<State extends object = {}> extends QuotaOptions<RequestContext<State>> {
  /** Default `byClient()`. */
  key?: KeyFunction<State>
  /**
   * The real cost of a request, asked when its response has ended, in place of the `cost` that was
   * reserved before the handler ran. `undefined` keeps that. Less is refunded; more is counted from
   * then on, also over the limit.
   */
  settle?: Settle<State>
}

interface RateLimitBase<State extends object> {
  /** Where counts are kept. Default `memoryStore({ maxKeys: 100_000 })`. */
  store?: LimitStore
  /**
   * What decides while the store does not answer, which is never a 429. `local` (default): a
   * limiter in this process. `open`: all pass, without limit headers. `closed`: all are refused
   * with 503.
   */
  onStoreFailure?: OnStoreFailure
  /**
   * What counts. `all` (default): every request. `failures` and `successes`: every request is
   * counted before the handler runs, and refunded when the response has ended if it does not count.
   * An aborted request stays counted.
   */
  count?: 'all' | 'failures' | 'successes'
  /**
   * Only with `count: 'failures'` or `'successes'`. Says whether an outcome is a failure. Default:
   * an error, or a status from 400.
   */
  isFailure?: (outcome: Outcome) => boolean
  headers?: LimitHeaderOptions
  /**
   * A request that lacks the key of a policy is refused with 400 (default), or not counted by that
   * policy.
   */
  whenKeyMissing?: 'refuse' | 'skip'
  /**
   * `shadow` counts and emits the event of its decision, sets no header and refuses nothing.
   * Default `enforce`.
   */
  mode?: 'enforce' | 'shadow'
  /** Requests that are neither counted nor refused. */
  skip?: (ctx: RequestContext<State>) => boolean
}

/** One policy written flat, or several under `policies`. */
export type RateLimitOptions<State extends object = {}> = RateLimitBase<State> &
  (EitherNames<PolicyOptions<State>> | { policies: readonly EitherNames<PolicyOptions<State>>[] })

const OWNER = 'rateLimit'

/** The options of `rateLimit()` as a list of policies and the rest. @throws ConfigError */
export function checkRateLimit<State extends object>(given: RateLimitOptions<State>) {
  const { quotas, rest } = checkLimiterOptions(
    OWNER,
    given,
    {
      ...quotaShape,
      key: optional(keyFunction<State>()),
      settle: optional(callback<Settle<State>>()),
    },
    {
      store: optional(having<LimitStore>('a store, such as memoryStore()', 'open')),
      onStoreFailure,
      count: optional(oneOf('all', 'failures', 'successes'), 'all'),
      isFailure: optional(callback<(outcome: Outcome) => boolean>()),
      headers: optional(limitHeaderOptions),
      whenKeyMissing: optional(oneOf('refuse', 'skip'), 'refuse'),
      mode,
      skip: optional(callback<(ctx: RequestContext<State>) => boolean>()),
    },
  )
  if (rest.isFailure !== undefined && rest.count === 'all')
    refuse(
      { owner: OWNER, option: 'isFailure' },
      rest.isFailure,
      "with count: 'failures' or 'successes' only",
    )
  const policies = quotas.map(({ policy, at }) => new KeyedPolicy<State>(policy, at))
  checkNames(OWNER, policies)
  return { policies, options: rest }
}

type Shape = Record<string, Check<unknown>>

interface LimiterArguments<Quota extends Shape, Rest extends Shape> {
  readonly quotas: readonly { readonly policy: Checked<Quota>; readonly at: OptionPath }[]
  readonly rest: Checked<Rest>
}

/**
 * Checks options that come in two forms: one policy written flat, or a list of them under
 * `policies`; the rest of the options is the same in both. Returns the policies as a list with the
 * paths of their options.
 */
export function checkLimiterOptions<Quota extends Shape, Rest extends Shape>(
  owner: string,
  given: unknown,
  quota: Quota,
  rest: Rest,
): LimiterArguments<Quota, Rest> {
  const policies = list(object(quota), { min: 1, max: 16 })
  if (typeof given === 'object' && given !== null && 'policies' in given) {
    refuseBoth(owner, given, quota)
    const checked = checkOptions<Shape>(owner, given, { ...rest, policies })
    const quotas = (checked['policies'] as readonly Checked<Quota>[]).map((policy, i) => ({
      policy,
      at: { owner, option: `policies[${i}]` },
    }))
    return { quotas, rest: checked as Checked<Rest> }
  }
  // `policies` is in the shape only so that a near miss of it is named.
  const checked = checkOptions<Shape>(owner, given, { ...rest, ...quota, policies: optional(policies) })
  return {
    quotas: [{ policy: checked as Checked<Quota>, at: { owner, option: '' } }],
    rest: checked as Checked<Rest>,
  }
}

function refuseBoth(owner: string, given: object, quota: Shape): void {
  const flat = Object.keys(quota).find(name => name in given)
  if (flat === undefined) return
  const value = (given as Record<string, unknown>)[flat]
  throw new ConfigError({
    owner,
    option: flat,
    value,
    allowed: '"policies", or one policy written flat, not both',
  })
}
