/**
 * What options are called elsewhere: in express-rate-limit, helmet, cors, passport, prom-client, terminus, and
 * in common speech. The first name on the right that a factory has is meant.
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
