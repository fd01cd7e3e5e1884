import { callback, checkOptions } from '@palisade/core/middleware'
import { type Check, type CommonOptions, checkOf, dependencyShape } from './check.js'

export type SqlQuery = (signal: AbortSignal) => Promise<unknown>

/**
 * Whether a database answers, by a query that the team gives, since only the team knows its driver:
 * `sql(() => pool.query('SELECT 1'))`. The result is not looked at; a rejection is a failure.
 *
 * If the pool is used up, the query waits in the queue and fails in time: that too is a database
 * that cannot be reached.
 *
 * @throws ConfigError
 */
export function sql(query: SqlQuery, options: CommonOptions = {}): Check {
  const ask = callback<SqlQuery>('a function that returns a promise, such as () => pool.query("SELECT 1")')(
    query,
    {
      owner: 'sql',
      option: 'query',
    },
  )
  const checked = checkOptions('sql', options, dependencyShape('database'))
  return checkOf(checked, async signal => {
    await ask(signal)
  })
}
