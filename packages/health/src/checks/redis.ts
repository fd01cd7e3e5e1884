import { checkOptions } from '@palisade/core/middleware'
import { type RedisClient, redisClient } from '@palisade/core/redis'
import { type Check, type CommonOptions, checkOf, dependencyShape } from './check.js'

/**
 * Whether Redis answers `PING`. A Redis that is frozen gets one `PING` and no second before it has
 * answered the first. In a Cluster any node answers.
 *
 *     health({ checks: [redis(fromIoredis(client))] })
 *
 * @throws ConfigError if `client` is not wrapped, with the function that wraps it
 */
export function redis(client: RedisClient, options: CommonOptions = {}): Check {
  const asked = redisClient(client, { owner: 'redis', option: 'client' })
  const checked = checkOptions('redis', options, dependencyShape('redis'))
  return checkOf(checked, async () => {
    const reply = await asked.send(['PING'])
    return reply === 'PONG' ? true : { healthy: false, error: 'it answered PING by something else than PONG' }
  })
}
