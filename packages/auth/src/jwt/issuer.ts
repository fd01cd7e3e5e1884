import { type OptionPath, refuse, within } from '@palisade/core/middleware'
import { compileKeys } from './issuer-keys.js'
import { type Audience, type CheckedIssuer, ISSUER_SHAPE, refuseUnread, TEMPLATE } from './issuer-options.js'
import type { KeySource } from './keys.js'

/** An issuer, ready to verify. */
export interface Issuer {
  readonly name: string
  readonly audience: Audience
  readonly subject: readonly string[]
  readonly algorithms: string[]
  readonly keys: KeySource
  readonly typ: string | undefined
  /** What `tid` must be, where the issuer is one tenant of a template. */
  readonly tenant: string | undefined
}

const SUB: readonly string[] = Object.freeze(['sub'])

/**
 * The issuers of a configuration by their exact name: those of `issuers`, or the one that the
 * options themselves describe.
 *
 * @throws ConfigError where the options do not fit together, and for an issuer that is described
 * twice
 */
export function compileIssuers(
  owner: string,
  checked: CheckedIssuer,
  issuers: readonly CheckedIssuer[] | undefined,
): ReadonlyMap<string, Issuer> {
  const at = { owner, option: '' }
  const compiled =
    issuers === undefined
      ? compileIssuer(checked, at)
      : issuers.flatMap((issuer, index) => compileIssuer(issuer, within(within(at, 'issuers'), index)))
  const byName = new Map(compiled.map(issuer => [issuer.name, issuer]))
  if (byName.size !== compiled.length)
    refuse(within(at, 'issuers'), issuers, 'each issuer once; audiences and algorithms can be lists')
  return byName
}

/** @throws ConfigError for an option of an issuer beside `issuers` */
export function refuseBesideIssuers(owner: string, checked: CheckedIssuer): void {
  const names = Object.keys(ISSUER_SHAPE) as (keyof CheckedIssuer)[]
  const beside = names.find(name => checked[name] !== undefined)
  if (beside !== undefined)
    refuse({ owner, option: beside }, checked[beside], 'nothing beside "issuers"; put it into each of them')
}

/**
 * The issuers that one configuration stands for: one, or one for each tenant.
 *
 * @throws ConfigError where the options do not fit together
 */
export function compileIssuer(checked: CheckedIssuer, at: OptionPath): readonly Issuer[] {
  const { issuer, audience, tenants, subject = SUB } = checked
  if (issuer === undefined)
    return refuse(within(at, 'issuer'), issuer, 'the exact "iss" of the tokens; it is required')
  if (audience === undefined)
    return refuse(
      within(at, 'audience'),
      audience,
      'the "aud" of tokens for this API, or { claim, values } for another claim; it is required',
    )
  refuseUnread(checked, at)
  const { keys, algorithms } = compileKeys(checked, at)
  const typ = checked.typ === false ? undefined : checked.typ
  const common = { audience, subject, algorithms: [...algorithms], keys, typ }
  if (!issuer.includes(TEMPLATE)) {
    if (tenants !== undefined)
      refuse(within(at, 'tenants'), tenants, `nothing, unless the issuer contains ${TEMPLATE}`)
    return [{ ...common, name: issuer, tenant: undefined }]
  }
  if (tenants === undefined)
    return refuse(
      within(at, 'tenants'),
      tenants,
      `the tenants that ${TEMPLATE} may stand for; otherwise every tenant of the world is let in`,
    )
  return tenants.map(tenant => ({ ...common, name: issuer.replace(TEMPLATE, tenant), tenant }))
}
