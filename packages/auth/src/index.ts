export { type ApiKeyOptions, apiKey, type PresentedKey } from './api-key/api-key.js'
export { apiKeyAdmin } from './api-key/api-key-admin.js'
export { type ApiKeys, type ApiKeysOptions, apiKeys } from './api-key/api-keys.js'
export type { MakeLimiter } from './api-key/key-limits.js'
export type { ApiKeyChanges, IssuedApiKey, NewApiKey } from './api-key/new-key.js'
export type { ApiKeyInfo, ApiKeyRecord, Rate } from './api-key/record.js'
export { type KeyValueKeysOptions, keyValueKeys } from './api-key/stores/key-value.js'
export { type MemoryKeysOptions, memoryKeys } from './api-key/stores/memory.js'
export type { ApiKeyStore, KeyPage, KeyQuery } from './api-key/stores/store.js'
export type { TimeWindow } from './api-key/time-window.js'
export { authenticate } from './authenticate.js'
export {
  type BasicOptions,
  type BasicUser,
  basic,
  type PasswordContext,
  type PresentedPassword,
} from './basic/basic.js'
export type { LockoutOptions } from './basic/lockout.js'
export { type PasswordHasher, type PasswordHasherOptions, passwordHasher } from './basic/password-hasher.js'
export {
  type PasswordUsers,
  type PasswordUsersOptions,
  passwordUsers,
  type StoredUser,
} from './basic/password-users.js'
export { Overloaded } from './basic/work-queue.js'
export { bearerChallenge } from './challenge.js'
export { clearFailures } from './clear-failures.js'
export { type IdentityParts, makeIdentity } from './identity/make-identity.js'
export type { ClaimPath } from './jwt/claims.js'
export type { FindIssuer } from './jwt/found-issuers.js'
export type { IdentityMapping } from './jwt/identity-mapping.js'
export type { AudienceClaim, IssuerOptions } from './jwt/issuer-options.js'
export type { FetchKeys } from './jwt/json-client.js'
export { type BearerToken, jwt } from './jwt/jwt.js'
export type { JwtCommonOptions, JwtOptions } from './jwt/options.js'
export { bearer, cookie, query, subprotocol, type TokenPlace } from './jwt/token-place.js'
export type { TokenFacts } from './jwt/verified-tokens.js'
export type { VerifiedClaims } from './jwt/verify-token.js'
export type { LoginOptions } from './login/login-redirect.js'
export { safeReturnTo } from './login/return-to.js'
export type { AlwaysRequired, AuthenticateOptions } from './options.js'
export type { AuthRule, RuleLogin } from './rules/rules.js'
export type {
  Attempt,
  Authenticated,
  ChallengeFailure,
  Failed,
  Invalid,
  Refused,
  Strategy,
  Suspect,
  VerifyResult,
} from './strategy.js'
