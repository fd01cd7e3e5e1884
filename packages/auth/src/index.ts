export { type AlwaysRequired, type AuthenticateOptions, authenticate } from './authenticate.js'
export { bearerChallenge, insufficientScopeChallenge } from './challenge.js'
export { type IdentityParts, makeIdentity } from './identity/make-identity.js'
export type { ClaimPath } from './jwt/claims.js'
export type { IssuerOptions } from './jwt/issuer.js'
export { type BearerToken, type JwtCommonOptions, type JwtOptions, jwt } from './jwt/jwt.js'
export type { TokenFacts } from './jwt/verified-tokens.js'
export type { LoginOptions } from './login/login-redirect.js'
export { safeReturnTo } from './login/return-to.js'
export type { AuthRule, RuleMode } from './rules/rules.js'
export type {
  Attempt,
  Authenticated,
  ChallengeFailure,
  Failed,
  Invalid,
  Refused,
  Strategy,
  VerifyResult,
} from './strategy.js'
