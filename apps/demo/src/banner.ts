import { MOUNTED } from './protection.js'
import type { Settings } from './settings.js'
import type { Stores } from './stores.js'

/** What is mounted where, and what to try: printed at start-up. */
export function banner(settings: Settings, { directory }: Stores, port: number): string {
  const origin = `http://localhost:${port}`
  const width = Math.max(...MOUNTED.map(([where]) => where.length))
  return [
    `Palisade on ${settings.framework}: ${origin}`,
    '',
    ...MOUNTED.map(([where, what]) => `  ${where.padEnd(width)}  ${what}`),
    '',
    `  orders and bans are in  ${directory}`,
    `  limits are counted in   ${settings.redisUrl === undefined ? 'this process' : 'Redis'}`,
    `  a client's address is   ${settings.trustsLoopback ? 'what X-Forwarded-For says, where this machine sends it' : 'that of its socket'}`,
    '',
    'Try:',
    `  curl ${origin}/demo/credentials                             # tokens, passwords, an API key`,
    `  curl -i ${origin}/public/hello`,
    `  curl -i ${origin}/api/orders -H 'Authorization: Bearer <token of alan>'`,
    `  curl -i ${origin}/api/orders -H 'Authorization: Bearer <token of alan>' -H 'Content-Type: application/json' -d '{"item":"lamp","quantity":3}'`,
    `  for i in $(seq 16); do curl -so /dev/null -w '%{http_code} ' -u ada:guess$i ${origin}/api/orders; done   # 401, 429, banned`,
    `  curl -i ${origin}/admin/security/bans -H 'Authorization: Bearer <token of olga>'`,
    `  curl ${origin}/metrics`,
    `  PORT=${port} npm run demo:traffic                                        # all of it at once`,
    '',
  ].join('\n')
}
