import type { StackName } from '../cells.js'
import { LOOPBACK, ORIGINS, PATH } from '../hosts/host.js'
import type { Credentials } from './issuer.js'

/** A page of an allowed origin asks for JSON, as a browser would. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  Accept: 'application/json',
  'Accept-Encoding': 'gzip, deflate, br',
  'Accept-Language': 'en-US,en;q=0.9',
  Origin: ORIGINS[1],
  Referer: `${ORIGINS[1]}/`,
  'User-Agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
}

/**
 * The bytes of that request, made once for each user; the edge stack asks for no token and is sent
 * none.
 */
export function pageRequests(port: number, stack: StackName, { tokens }: Credentials): readonly Buffer[] {
  return stack === 'edge'
    ? [pageRequest(port, {})]
    : tokens.map(token => pageRequest(port, { Authorization: `Bearer ${token}` }))
}

function pageRequest(port: number, more: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries({ Host: `${LOOPBACK}:${port}`, ...PAGE_HEADERS, ...more })
  return Buffer.from(
    `GET ${PATH} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  )
}
