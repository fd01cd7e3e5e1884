import type { HelmetOptions } from 'helmet'

/**
 * helmet on plain HTTP as it should be (RFC 6797 section 7.2): no `Strict-Transport-Security`, no
 * `upgrade-insecure-requests`. That is what the other variants answer, and it is less work than
 * helmet's default.
 */
export const HELMET = {
  strictTransportSecurity: false,
  contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
} as const satisfies HelmetOptions
