export type { ClientAddress } from './address/client-address.js'
export {
  type DirectPeerOptions,
  directPeer,
  type ForwardedOptions,
  type ProxyOptions,
  type SingleHeaderOptions,
  singleHeader,
  trustedHops,
  trustedProxies,
} from './address/topologies.js'
export type { Trust } from './address/trust.js'
export { type PrivateNetworksOptions, privateNetworks } from './admin/private-networks.js'
export type { ErrorRenderer, MapError, RequestContext, Services } from './contract/context.js'
export type { Denial, Failure } from './contract/denial.js'
export type { Middleware } from './contract/middleware.js'
export type { Outcome } from './contract/outcome.js'
export { type HeaderBag, Reply, type ReplyBody } from './contract/reply.js'
export type { Diagnosis } from './diagnosis/diagnosis.js'
export { ConfigError, type ConfigProblem } from './errors/config-error.js'
export { envelope } from './errors/envelope.js'
export { problemDetails } from './errors/problem-details.js'
export { RequestError } from './errors/request-error.js'
export type { EmittedEvent, EventName, EventPattern, PalisadeEvents } from './events/catalogue.js'
export { EventBus, type Listener } from './events/event-bus.js'
export { EventStream } from './events/event-stream.js'
export type { MaybePromise } from './kernel/maybe-promise.js'
export type { OriginFunction, OriginOption } from './middlewares/cors/origin.js'
export { type CorsOptions, cors } from './middlewares/cors.js'
export { provideIdentity } from './middlewares/provide-identity.js'
export { type RequestIdOptions, requestId } from './middlewares/request-id.js'
export {
  type CspDirectives,
  type Nonce,
  nonce,
} from './middlewares/security-headers/content-security-policy.js'
export type { PermissionsPolicy } from './middlewares/security-headers/permissions-policy.js'
export {
  type HstsOptions,
  type SecurityHeadersOptions,
  securityHeaders,
} from './middlewares/security-headers.js'
export type { Duration } from './options/duration.js'
export { Pipeline, type PipelineOptions, pipeline } from './pipeline/pipeline.js'
export type { Clock } from './vocabulary/clock.js'
export type { Identity } from './vocabulary/identity.js'
export { consoleLogger, type Logger } from './vocabulary/logger.js'
export type { Violation } from './vocabulary/violation.js'
