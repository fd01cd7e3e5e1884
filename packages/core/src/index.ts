export type { ClientAddress, Trust } from './address/client-address.js'
export * from './address/index.js'
export * from './admin/index.js'
export { CompiledPipeline } from './compiled-pipeline.js'
export { RequestContext } from './context.js'
export type { Diagnosis, DiagnosisCode } from './diagnosis/diagnosis.js'
export * from './errors/index.js'
export * from './events/index.js'
export { type PreferredRules, preferred } from './http/preferred.js'
export {
  type LimitHeaderOptions,
  LimitHeaders,
  limitHeaderOptions,
} from './limit-headers/limit-headers.js'
export { type QuotaState, tightest } from './limit-headers/quota-state.js'
export { SharedHeaders } from './limit-headers/shared-headers.js'
export type { OriginFunction, OriginOption } from './middleware/cors/origin.js'
export { type CorsOptions, cors } from './middleware/cors.js'
export { provideIdentity } from './middleware/provide-identity.js'
export { type RequestIdOptions, requestId } from './middleware/request-id.js'
export {
  type CspDirectives,
  type Nonce,
  nonce,
} from './middleware/security-headers/content-security-policy.js'
export type { PermissionsPolicy } from './middleware/security-headers/permissions-policy.js'
export {
  type HstsOptions,
  type SecurityHeadersOptions,
  securityHeaders,
} from './middleware/security-headers.js'
export type { Middleware, Outcome, Services } from './middleware.js'
export * from './options/index.js'
export { foldCase, routingPath } from './path/routing-path.js'
export { type Add, type Pipeline, type PipelineOptions, pipeline } from './pipeline.js'
export { discard, type HeaderBag, isReply, Reply, type ReplyBody } from './reply.js'
export { bindMethods } from './vocabulary/bind-methods.js'
export { booleanResult, ignoreRejection, wrongResult } from './vocabulary/callback-result.js'
export { type Clock, startOf, systemClock } from './vocabulary/clock.js'
export type { Decision, Guard } from './vocabulary/guard.js'
export { assertIdentity, type Identity } from './vocabulary/identity.js'
export type { LimitDecision, Limiter, LimitReceipt } from './vocabulary/limiter.js'
export { consoleLogger, isolatedLogger, type Logger } from './vocabulary/logger.js'
export { isPromise, type MaybePromise } from './vocabulary/maybe-promise.js'
export type { KeyValueStore } from './vocabulary/store.js'
export type { Violation } from './vocabulary/violation.js'
