/**
 * The demo's own pieces of the pipeline: what a team writes itself, in the vocabulary of the
 * packages.
 */

import type { Identity, RequestContext } from '@palisade/core'
import { foldCase, type Guard, routingPath } from '@palisade/core/middleware'
import { check, requireScopes, scopeTo } from '@palisade/guards'

type MaybeKnown = RequestContext<{ identity: Identity | undefined }>

/**
 * True for paths outside `/api`. A path that some host's router may read as `/api`, in any
 * spelling, is inside.
 */
export function isElsewhere({ path }: RequestContext): boolean {
  return !foldCase(routingPath(path) ?? API).startsWith(foldCase(API))
}

const API = '/api/'

/**
 * For an admin API, which is mounted in front of the branches: the caller needs the scope, and must
 * be known.
 */
export function mayUse(scope: string): Guard<MaybeKnown> {
  const needed = requireScopes(scope)
  return ({ state: { identity } }) => identity !== undefined && check(needed, { identity })
}

/** The rows of the caller's tenant. A caller without one is refused. */
export const ofTenant = scopeTo(({ state: { identity } }) => ({ tenant: identity.tenant }))

/** The rows that are the caller's own; an administrator's are all of the tenant. */
export const ofOwner = scopeTo(
  ({ state: { identity } }): { tenant: string | undefined; owner?: string } =>
    identity.roles.has('admin')
      ? { tenant: identity.tenant }
      : { tenant: identity.tenant, owner: identity.subject },
  { as: 'own' },
)
