export type { RowFilter } from '@palisade/core/middleware'
export { type Bare, check, ensure } from './check.js'
export { allOf } from './combinators/all-of.js'
export { anyOf } from './combinators/any-of.js'
export { not } from './combinators/not.js'
export { when } from './combinators/when.js'
export { defineGuard } from './define-guard.js'
export { type GuardOptions, guard } from './guard.js'
export { type AllowIpOptions, allowIp, type Located } from './helpers/allow-ip.js'
export { during } from './helpers/during.js'
export { type RecordOptions, recordGuard } from './helpers/record-guard.js'
export type { RecordId } from './helpers/record-id.js'
export { requireFreshLogin, type Timed } from './helpers/require-fresh-login.js'
export { requireMethod } from './helpers/require-method.js'
export { type RequireOwnershipOptions, requireOwnership } from './helpers/require-ownership.js'
export { type RequireRoleOptions, requireRole } from './helpers/require-role.js'
export { type RequireScopesOptions, requireScopes } from './helpers/require-scopes.js'
export { type RequireTenantOptions, requireTenant } from './helpers/require-tenant.js'
export type {
  AnyGuard,
  Caller,
  ContextOf,
  ContextsOf,
  GuardFacts,
  IdentifiedContext,
  NamedGuard,
  RecordOf,
  RecordsOf,
  StateOf,
} from './named-guard.js'
export type { Action } from './permissions/actions.js'
export { compileGrants, type Grant, type Granted, type GrantRow, Grants } from './permissions/grants.js'
export { type FixedPermissions, type PermissionsOptions, permissions } from './permissions/permissions.js'
export { type RequireIdentityOptions, requireIdentity } from './require-identity.js'
export { type Filter, type FilterValue, type LooseFilter, type ScopeToOptions, scopeTo } from './scope-to.js'
