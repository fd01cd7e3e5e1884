import { BlockList } from 'node:net'
import { CidrSet } from '@palisade/core/middleware'
import { addresses, seeded } from './random.js'
import type { Row } from './row.js'

const RANGES = 10_000

/** Networks of 20 to 28 bits, as text. */
function networks(): readonly { readonly address: string; readonly prefix: number }[] {
  const next = seeded(2)
  return Array.from({ length: RANGES }, () => {
    const prefix = 20 + (next() % 9)
    const bits = (next() & (-1 << (32 - prefix))) >>> 0
    return { address: [24, 16, 8, 0].map(shift => (bits >>> shift) & 255).join('.'), prefix }
  })
}

const ASKED = addresses(4_096, 3)
const askedAt = (i: number) => ASKED[i & 4_095] as string

/** Whether the address of a client is in a list of 10,000 networks; few of them are. */
export const cidrSet: Row = {
  title: 'address in 10,000 ranges',
  contestants: [
    {
      name: 'palisade CidrSet',
      prepare() {
        const set = new CidrSet(networks().map(({ address, prefix }) => `${address}/${prefix}`))
        return {
          run(decisions) {
            let sum = 0
            for (let i = 0; i < decisions; i++) if (set.has(askedAt(i))) sum++
            return sum
          },
        }
      },
    },
    {
      name: 'net.BlockList',
      prepare() {
        const list = new BlockList()
        for (const { address, prefix } of networks()) list.addSubnet(address, prefix)
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
