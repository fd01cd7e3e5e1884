import { BlockList } from 'node:net'
import { pipeline, type RequestContext, type Services } from '@palisade/core'
import { failban } from '@palisade/failban'
import { epochMs } from '../clock.js'
import { Bans } from '../hosts/floor/bans.js'
import { BAN_MS } from '../hosts/host.js'
import { addresses } from './random.js'
import type { Row } from './row.js'

const BANNED = addresses(10_000, 6)
/** One in 64 is banned. */
const ASKED = addresses(4_096, 7).map((address, i) => (i % 64 === 0 ? (BANNED[i] as string) : address))
const askedAt = (i: number) => ASKED[i & 4_095] as string

/** The part of a context that the decision touches; who the client is has been found out before. */
class BanContext {
  readonly client: { ip: string; key: string; bannable: boolean }
  readonly services: Services

  constructor(address: string, services: Services) {
    this.client = { ip: address, key: address, bannable: true }
    this.services = services
  }

  deny(): object {
    return REFUSAL
  }

  /** No listener asks for decisions. */
  allowed(): void {}
}

const REFUSAL = {}

/** Whether a client is banned, when 10,000 are. */
export const banDecision: Row = {
  title: 'client among 10,000 bans',
  contestants: [
    {
      name: 'palisade failban',
      async prepare() {
        const bans = failban()
        const { services } = pipeline().use(bans).compile()
        for (const address of BANNED) await bans.ban(address)
        const contexts = ASKED.map(address => new BanContext(address, services) as unknown as RequestContext)
        return {
          run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++)
              if (bans.onRequest?.(contexts[i & 4_095] as RequestContext) !== undefined) sum++
            return sum
          },
          dispose: () => bans.dispose?.(),
        }
      },
    },
    {
      name: 'by hand (a Map)',
      prepare() {
        const bans = new Bans()
        for (const address of BANNED) bans.put(address, epochMs() + BAN_MS)
        return {
          run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++) if (bans.has(askedAt(i), epochMs())) sum++
            return sum
          },
        }
      },
    },
    {
      name: 'net.BlockList',
      prepare() {
        const list = new BlockList()
        for (const address of BANNED) list.addAddress(address)
        return {
          run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++) if (list.check(askedAt(i))) sum++
            return sum
          },
        }
      },
    },
  ],
}
