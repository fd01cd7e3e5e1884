/**
 * Names that a team may type as well as the name of the option, since they mean exactly the same. A
 * factory accepts them where it says so by `alsoCalled`. Elsewhere they are names of other
 * libraries.
 */
const ACCEPTED_NAMES = [
  'maxAttempts',
  'windowMs',
  'whitelist',
  'blacklist',
  'headerName',
  'maxPathsTracked',
  'check',
] as const

export type AcceptedName = (typeof ACCEPTED_NAMES)[number]

/**
 * Options of which one may have another name: either the option is given, or the other name.
 *
 *     type Named = EitherName<{ run: () => void }, 'run', 'check'>
 */
export type EitherName<Options, Option extends keyof Options, Other extends AcceptedName> = Omit<
  Options,
  Option
> &
  (
    | (Pick<Options, Option> & { [K in Other]?: never })
    | ({ [K in Other]: Options[Option] } & { [K in Option]?: never })
  )

/**
 * What options are called elsewhere: in express-rate-limit, helmet, cors, passport, prom-client,
 * terminus, and in common speech. The first name on the right that a factory has is meant.
 */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  // limits
  max: 'limit maxKeys',
  points: 'limit',
  requests: 'limit',
  maxRequests: 'limit',
  maxAttempts: 'threshold maxViolations limit perClient',
  maxConcurrent: 'limit',
  windowMs: 'window violationWindow',
  timeWindow: 'window',
  duration: 'window banDuration ban',
  interval: 'window',
  keyGenerator: 'key',
  requestWasSuccessful: 'isFailure',
  skipSuccessfulRequests: 'count',
  skipFailedRequests: 'count',
  standardHeaders: 'headers',
  legacyHeaders: 'headers',
  passOnStoreError: 'onStoreFailure',
  inMemoryBlockOnConsumed: 'cacheRefusals',
  // bans and addresses
  whitelist: 'allow',
  allowlist: 'allow',
  allowList: 'allow',
  blacklist: 'deny',
  blocklist: 'deny',
  denylist: 'deny',
  banTime: 'banDuration ban',
  bantime: 'banDuration ban',
  maxretry: 'maxViolations threshold',
  findtime: 'violationWindow window',
  trustProxy: 'trust',
  proxy: 'trust',
  // the small middleware
  headerName: 'header',
  allowedHeaders: 'allowHeaders',
  exposedHeaders: 'exposeHeaders',
  contentSecurityPolicy: 'csp',
  strictTransportSecurity: 'hsts',
  frameguard: 'xFrameOptions',
  hidePoweredBy: 'xPoweredBy',
  noSniff: 'xContentTypeOptions',
  // tokens
  getToken: 'from header',
  jwtFromRequest: 'from header',
  secretOrKey: 'secret',
  secretOrPublicKey: 'publicKey',
  secretOrKeyProvider: 'jwksUri',
  clockSkew: 'clockTolerance',
  mode: 'login',
  // metrics and health
  maxPathsTracked: 'maxRoutes',
  labelNames: 'labels',
  percentiles: 'buckets',
  healthChecks: 'checks',
  onSignal: 'handlers',
  onShutdown: 'handlers',
  beforeShutdown: 'delay',
  // everywhere
  dryRun: 'mode',
  timeoutMs: 'timeout',
  ttlMs: 'ttl',
  redis: 'store',
  client: 'store',
  check: 'run',
  fn: 'run',
}

/** The option of this name elsewhere, as it is called here. */
export function calledHere(name: string, known: readonly string[]): string | undefined {
  if (!Object.hasOwn(OTHER_NAMES, name)) return undefined
  return (OTHER_NAMES[name] as string).split(' ').find(option => known.includes(option))
}
