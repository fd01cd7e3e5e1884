export interface Settings {
  readonly framework: string
  /** 0 picks a free one. */
  readonly port: number
  /** Limits are counted in this Redis. Default: in this process. */
  readonly redisUrl: string | undefined
  /** The directory of orders and bans. Default: one under the system's temporary directory, by port. */
  readonly data: string | undefined
  /** Whether `X-Forwarded-For` is believed when it comes from this machine. */
  readonly trustsLoopback: boolean
  /** Whether a line for each request is written. */
  readonly logsRequests: boolean
}

export const FRAMEWORKS = ['express', 'fastify', 'hono', 'koa', 'node']

/** @throws Error whose message is for a person */
export function settingsOf(env: NodeJS.ProcessEnv): Settings {
  const framework = env['FRAMEWORK'] ?? 'fastify'
  if (!FRAMEWORKS.includes(framework))
    throw new Error(`FRAMEWORK is "${framework}"; allowed: ${FRAMEWORKS.join(', ')}`)
  const port = Number(env['PORT'] ?? 3000)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`PORT is "${env['PORT']}"; allowed: 0 to 65535, where 0 picks a free one`)
  const redisUrl = env['REDIS_URL'] || undefined
  if (redisUrl !== undefined && !/^rediss?:\/\//.test(redisUrl))
    throw new Error(`REDIS_URL is no URL of Redis; allowed: redis://host:port or rediss://host:port`)
  return {
    framework,
    port,
    redisUrl,
    data: env['DEMO_DATA'] || undefined,
    trustsLoopback: switchOf(env, 'DEMO_TRUST_LOOPBACK'),
    logsRequests: switchOf(env, 'DEMO_LOG'),
  }
}

function switchOf(env: NodeJS.ProcessEnv, name: string): boolean {
  const value = env[name] ?? ''
  if (!['', '0', '1'].includes(value)) throw new Error(`${name} is "${value}"; allowed: 1, 0 or nothing`)
  return value === '1'
}
