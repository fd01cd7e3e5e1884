import type { IncomingMessage } from 'node:http'
import { trustedProxies } from '@palisade/core'
import proxyaddr from 'proxy-addr'
import { addresses } from './random.js'
import type { Row } from './row.js'

const PROXIES = ['10.0.0.0/8', '192.168.0.0/16', '127.0.0.0/8']
const PEER = '10.0.0.7'
const HEADERS = addresses(1_024, 4).map(client => Buffer.from(`6.6.6.6, ${client}, 10.1.2.3`).toString())
const headerAt = (i: number) => HEADERS[i & 1_023] as string

/** The client behind two proxies, from `X-Forwarded-For`. */
export const forwarded: Row = {
  title: 'client behind two proxies',
  contestants: [
    {
      name: 'palisade trustedProxies',
      prepare() {
        const trust = trustedProxies(PROXIES)
        return {
          run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++) sum += trust.resolve(PEER, headerAt(i)).ip?.length ?? 0
            return sum
          },
        }
      },
    },
    {
      name: 'proxy-addr',
      prepare() {
        const trust = proxyaddr.compile(PROXIES)
        const headers: Record<string, string> = {}
        // All that it reads of a request.
        const request = { socket: { remoteAddress: PEER }, headers } as unknown as IncomingMessage
        return {
          run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++) {
              headers['x-forwarded-for'] = headerAt(i)
              sum += proxyaddr(request, trust).length
            }
            return sum
          },
        }
      },
    },
  ],
}
