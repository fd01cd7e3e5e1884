import {
  type Check,
  type Checked,
  ConfigError,
  checkOptions,
  list,
  type OptionPath,
  object,
  optional,
} from '@palisade/core/middleware'

type Shape = Record<string, Check<unknown>>

interface LimiterArguments<Quota extends Shape, Rest extends Shape> {
  readonly quotas: readonly { readonly policy: Checked<Quota>; readonly at: OptionPath }[]
  readonly rest: Checked<Rest>
}

/**
 * Checks options that come in two forms: one policy written flat, or a list of them under `policies`; the rest of the options is the
 * same in both. Returns the policies as a list with the paths of their options.
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
