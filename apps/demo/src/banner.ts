import { MOUNTED } from './protection.js'
import { isLoopback, type Settings } from './settings.js'
import type { Stores } from './stores.js'

/** What is mounted where, and what to try: printed at start-up. */
export function banner(settings: Settings, { directory, isTemporary }: Stores, port: number): string {
  const { framework, host, redisUrl, trustsLoopback, isProduction } = settings
  const width = Math.max(...MOUNTED.map(([where]) => where.length))
  return [
    `Palisade on ${framework}: http://localhost:${port}`,
    `  listens on ${host}${isLoopback(host) ? ', which only this machine reaches; HOST names another address' : ''}`,
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

/**
 * By address: `localhost` may be another one, by which the client would then be known and banned.
 */
const originOf = (port: number) => `http://127.0.0.1:${port}`

/** No comment stands behind a command: not every shell reads it as one when it is pasted. */
function forAcquaintances(port: number): string[] {
  const origin = originOf(port)
  return [
    '  Who there is, and two tokens to go on with, since who is banned gets none:',
    `    curl ${origin}/demo/credentials`,
    `    token() { curl -s ${origin}/demo/credentials | node -pe 'JSON.parse(fs.readFileSync(0)).tokens.find(one => one.name === process.argv[1]).token' $1; }`,
    '    ALAN=$(token alan) OLGA=$(token olga)',
    '  What is open, and what is not:',
    `    curl -i ${origin}/public/hello`,
    `    curl -i ${origin}/api/orders`,
    `    curl -i ${origin}/api/orders -H "Authorization: Bearer $ALAN"`,
    `    curl -i ${origin}/api/orders -H "Authorization: Bearer $ALAN" -H 'Content-Type: application/json' -d '{"item":"lamp","quantity":3}'`,
    '  Wrong passwords, until they are 429, and then banned:',
    `    for i in $(seq 16); do curl -so /dev/null -w '%{http_code} ' -u ada:guess$i ${origin}/api/orders; done`,
    '  The ban, and its end:',
    `    curl ${origin}/admin/security/bans -H "Authorization: Bearer $OLGA"`,
    `    curl -X DELETE ${origin}/admin/security/bans/127.0.0.1 -H "Authorization: Bearer $OLGA"`,
    '  What was counted:',
    `    curl ${origin}/metrics`,
    '  All of it at once, from the root of the repository:',
    `    PORT=${port} npm run demo:traffic`,
  ]
}

function forStrangers(port: number): string[] {
  const origin = originOf(port)
  return [
    '  What is open, and what is not. This demo hands out no credentials.',
    `    curl -i ${origin}/public/hello`,
    `    curl -i ${origin}/api/orders`,
    '  How it is, and what was counted:',
    `    curl ${origin}/health`,
    `    curl ${origin}/metrics`,
  ]
}
