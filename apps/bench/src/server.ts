import { Session } from 'node:inspector/promises'
import type { AddressInfo } from 'node:net'
import type { Cell } from './cells.js'
import type { Setting } from './hosts/host.js'
import { start } from './hosts/index.js'
import type { Answer, Question } from './measure/messages.js'

// One host with one variant, in a process of its own, which ends with the bench that forked it:
// `node dist/server.js <cell as JSON> <setting as JSON>`
const [cell = '', setting = ''] = process.argv.slice(2)
const server = await start(JSON.parse(cell) as Cell, JSON.parse(setting) as Setting)
let profiler: Session | undefined

process.on('disconnect', () => process.exit(0))
process.on('message', async (question: Question) => tell(await answerTo(question)))
tell({ port: (server.address() as AddressInfo).port })

async function answerTo({ ask }: Question): Promise<Answer> {
  switch (ask) {
    case 'usage': {
      const { user, system } = process.cpuUsage()
      return { cpuMicroseconds: user + system, residentBytes: process.memoryUsage.rss() }
    }
    case 'profile':
      profiler = new Session()
      profiler.connect()
      await profiler.post('Profiler.enable')
      await profiler.post('Profiler.setSamplingInterval', { interval: 100 })
      await profiler.post('Profiler.start')
      return { done: true }
    case 'profiled': {
      const stopped = await profiler?.post('Profiler.stop')
      profiler?.disconnect()
      return { profile: JSON.stringify(stopped?.profile) }
    }
  }
}

function tell(answer: Answer): void {
  process.send?.(answer)
}
