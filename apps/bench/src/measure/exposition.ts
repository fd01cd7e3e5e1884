import { METRICS_PATH } from '../hosts/host.js'
import { ask } from './self-check.js'

const COUNT = /^http_request_duration_seconds_count\{([^}]*)\} (\d+)/gm

/** How many requests a server says that it answered with 200, on its metrics page. */
export async function countedOrders(port: number): Promise<number> {
  const { body } = await ask(port, { title: 'metrics', method: 'GET', headers: {}, path: METRICS_PATH })
  return countIn(body)
}

export function countIn(text: string): number {
  let total = 0
  for (const [, labels = '', count] of text.matchAll(COUNT))
    if (labels.includes('"200"') && !labels.includes(`"${METRICS_PATH}"`)) total += Number(count)
  return total
}
