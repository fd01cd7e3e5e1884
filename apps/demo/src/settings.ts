import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { LOOPBACK } from './hosts/host.js'

export interface Settings {
  readonly framework: string
  /** 0 picks a free one. */
  readonly port: number
  /** The address to listen on. Default `127.0.0.1`, so that no other machine reaches the demo. */
  readonly host: string
  /** Limits are counted in this Redis. Default: in this process. */
  readonly redisUrl: string | undefined
  /**
   * The directory of orders and bans. Default: one under the system's temporary directory, by port.
   */
  readonly data: string | undefined
  /** Whether `X-Forwarded-For` is believed when it comes from this machine. */
  readonly trustsLoopback: boolean
  /** Whether a line for each request is written. */
  readonly logsRequests: boolean
  /**
   * Whether the demo keeps its credentials secret: always in production, and on an address that
   * other machines reach unless `NODE_ENV` is `development` or `test`.
   */
  readonly isProduction: boolean
}

/** What a person can put right: its message is all they need. */
export class StartError extends Error {}

export const FRAMEWORKS = ['express', 'fastify', 'hono', 'koa', 'node']

/** @throws StartError */
export function settingsOf(env: NodeJS.ProcessEnv): Settings {
  const framework = env['FRAMEWORK'] || 'fastify'
  if (!FRAMEWORKS.includes(framework))
    throw new StartError(`FRAMEWORK is "${framework}"; allowed: ${FRAMEWORKS.join(', ')}`)
  const port = env['PORT'] || '3000'
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new StartError(`PORT is "${port}"; allowed: 0 to 65535, where 0 picks a free one`)
  const host = hostOf(env['HOST'] || LOOPBACK)
  const redisUrl = env['REDIS_URL'] || undefined
  // Not shown: it may hold a password.
  if (redisUrl !== undefined && !isUrlOfRedis(redisUrl))
    throw new StartError('REDIS_URL is no URL of Redis; allowed: redis://host:port or rediss://host:port')
  // npm runs a script in the directory of its package.json; a relative path is meant from where npm
  // was called.
  const from = env['INIT_CWD'] || '.'
  return {
    framework,
    port: Number(port),
    host,
    redisUrl,
    data: env['DEMO_DATA'] ? resolve(from, env['DEMO_DATA']) : undefined,
    trustsLoopback: switchOf(env, 'DEMO_TRUST_LOOPBACK'),
    logsRequests: switchOf(env, 'DEMO_LOG'),
    isProduction: isProductionOn(host, env['NODE_ENV']),
  }
}

/** @throws StartError */
function hostOf(host: string): string {
  if (isIP(host) === 0 && host !== 'localhost')
    throw new StartError(
      `HOST is "${host}"; allowed: an IP address of this machine, 0.0.0.0 or :: for all of them, or localhost`,
    )
  return host
}

function isProductionOn(host: string, nodeEnv: string | undefined): boolean {
  if (nodeEnv === 'production') return true
  if (nodeEnv === 'development' || nodeEnv === 'test') return false
  return !isLoopback(host)
}

/** Whether only this machine reaches the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

function isUrlOfRedis(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  return ['redis:', 'rediss:'].includes(protocol) && hostname !== ''
}

function switchOf(env: NodeJS.ProcessEnv, name: string): boolean {
  const value = env[name] ?? ''
  if (!['', '0', '1'].includes(value)) throw new StartError(`${name} is "${value}"; allowed: 1, 0 or nothing`)
  return value === '1'
}
