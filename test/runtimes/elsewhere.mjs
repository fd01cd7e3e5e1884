import { createServer } from 'node:http'
import { fileBans } from '@palisade/failban'
import { disk, eventLoop, gracefulShutdown, memory } from '@palisade/health'

/** What needs a process, its files or its signals. */
const builds = {
  disk: () => disk({ path: '/' }),
  eventLoop,
  fileBans: () => fileBans('bans.jsonl'),
  gracefulShutdown: () => gracefulShutdown(createServer()),
  memory,
}

/** What a runtime refuses to build, with the message. */
export const elsewhere = Object.fromEntries(
  Object.entries(builds).flatMap(([name, build]) => {
    try {
      build().dispose?.()
      return []
    } catch (error) {
      return [[name, error.message]]
    }
  }),
)
