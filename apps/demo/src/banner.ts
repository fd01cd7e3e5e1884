import { MOUNTED } from './protection.js'
import type { Settings } from './settings.js'
import type { Stores } from './stores.js'

/** What is mounted where, and what to try: printed at start-up. */
export function banner(settings: Settings, { directory, isTemporary }: Stores, port: number): string {
  const { framework, redisUrl, trustsLoopback, isProduction } = settings
  const width = Math.max(...MOUNTED.map(([where]) => where.length))
  return [
    `Palisade on ${framework}: http://localhost:${port}`,
    '',
    ...MOUNTED.map(([where, what]) => `  ${where.padEnd(width)}  ${what}`),
    '',
    `  orders and bans are in  ${directory}${isTemporary ? ', until the demo ends; kill -9 leaves it there' : ''}`,
    `  limits are counted in   ${redisUrl === undefined ? 'this process' : `Redis at ${new URL(redisUrl).host}, and in this process while that does not answer`}`,
    `  a client's address is   ${trustsLoopback ? 'what X-Forwarded-For says, where this machine sends it' : 'that of its socket'}`,
    '',
    'Try:',
    ...(isProduction ? forStrangers(port) : forAcquaintances(port)),
    '',
  ].join('\n')
}

/** By this address, and not by a name that may be another one's, is known who is banned. */
const originOf = (port: number) => `http://127.0.0.1:${port}`

function forAcquaintances(port: number): string[] {
  const origin = originOf(port)
  return [
    `  curl ${origin}/demo/credentials   # tokens, passwords, an API key`,
    `  token() { curl -s ${origin}/demo/credentials | node -pe 'JSON.parse(fs.readFileSync(0)).tokens.find(one => one.name === process.argv[1]).token' $1; }`,
    '  ALAN=$(token alan) OLGA=$(token olga)   # who is banned gets none',
    `  curl -i ${origin}/public/hello`,
    `  curl -i ${origin}/api/orders -H "Authorization: Bearer $ALAN"`,
    `  curl -i ${origin}/api/orders -H "Authorization: Bearer $ALAN" -H 'Content-Type: application/json' -d '{"item":"lamp","quantity":3}'`,
    `  for i in $(seq 16); do curl -so /dev/null -w '%{http_code} ' -u ada:guess$i ${origin}/api/orders; done   # 401, 429, banned`,
    `  curl -i ${origin}/admin/security/bans -H "Authorization: Bearer $OLGA"`,
    `  curl -i -X DELETE ${origin}/admin/security/bans/127.0.0.1 -H "Authorization: Bearer $OLGA"`,
    `  curl ${origin}/metrics`,
    `  PORT=${port} npm run demo:traffic   # all of it at once`,
  ]
}

/** In production nobody is told a credential. */
function forStrangers(port: number): string[] {
  const origin = originOf(port)
  return [
    `  curl -i ${origin}/public/hello`,
    `  curl -i ${origin}/api/orders   # 401: in production nobody is told credentials`,
    `  curl ${origin}/health`,
    `  curl ${origin}/metrics`,
  ]
}
