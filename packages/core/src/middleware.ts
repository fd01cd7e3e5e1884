export { canonicalCidr, networkOf } from './address/cidr.js'
export { type AddressRange, CidrSet, cidrs } from './address/cidr-set.js'
export type { ClientAddress } from './address/client-address.js'
export { clientKey } from './address/client-key.js'
export { canonicalIp } from './address/ip.js'
export type { Trust } from './address/trust.js'
export type { Caller, RequestContext, Services } from './contract/context.js'
export type { Denial, Mode } from './contract/denial.js'
export type { Middleware } from './contract/middleware.js'
export type { Outcome } from './contract/outcome.js'
export { type HeaderBag, Reply } from './contract/reply.js'
export { BEARER, type BearerOptions, challengeOf, quotedString } from './errors/challenge.js'
export { ConfigError } from './errors/config-error.js'
export { RequestError } from './errors/request-error.js'
export { refusalOf } from './errors/statuses.js'
export { inspectable } from './errors/thrown.js'
export type { RequestFacts } from './events/catalogue.js'
export { bindMethods } from './kernel/bind-methods.js'
export { booleanResult, ignoreRejection, wrongResult } from './kernel/callback-result.js'
export { isPromise, type MaybePromise } from './kernel/maybe-promise.js'
export { type PreferredRules, preferred } from './kernel/preferred.js'
export {
  type LimitHeaderOptions,
  LimitHeaders,
  limitHeaderOptions,
  tightest,
} from './limit-headers/limit-headers.js'
export type { QuotaState } from './limit-headers/quota-state.js'
export { SharedHeaders } from './limit-headers/shared-headers.js'
export {
  alsoCalled,
  type Check,
  type Checked,
  callback,
  checkOptions,
  either,
  flag,
  having,
  integer,
  list,
  mode,
  object,
  oneOf,
  optional,
  orFalse,
  present,
  text,
} from './options/check.js'
export { type Duration, duration, type Milliseconds, parseDuration } from './options/duration.js'
export { headerName, ownHeaderName } from './options/header-name.js'
export { type OptionPath, refuse, within } from './options/option-path.js'
export type { AcceptedName, EitherName } from './options/other-names.js'
export { type Needed, refuseRuntime, requireProcess } from './options/runtime.js'
export { foldCase, routingPath } from './path/routing-path.js'
export { type Clock, startOf, systemClock } from './vocabulary/clock.js'
export type { Decision, Guard } from './vocabulary/guard.js'
export { assertIdentity, type Identity } from './vocabulary/identity.js'
export type { LimitDecision, Limiter, LimitReceipt } from './vocabulary/limiter.js'
export { isolatedLogger, type Logger } from './vocabulary/logger.js'
export type { RowFilter } from './vocabulary/row-filter.js'
export type { KeyValueStore } from './vocabulary/store.js'
export type { Violation } from './vocabulary/violation.js'
