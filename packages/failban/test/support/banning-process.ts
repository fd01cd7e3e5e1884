/** Bans and unbans as fast as it can, and says what was acknowledged, until it is killed. */
import { writeSync } from 'node:fs'
import { failban, fileBans } from '../../src/index.js'

const bans = failban({ store: fileBans(process.argv[2] ?? '') })
await bans.ready()

async function work(lane: number): Promise<void> {
  for (let i = 0; i < 60_000; i++) {
    const ip = `10.${lane}.${i >> 8}.${i & 255}`
    await bans.ban(ip, { reason: 'x'.repeat(400) })
    writeSync(1, `banned ${ip}\n`)
    if (i % 3 !== 0) continue
    writeSync(1, `unban? ${ip}\n`)
    await bans.unban(ip)
    writeSync(1, `unbanned ${ip}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, (_, lane) => work(lane)))
