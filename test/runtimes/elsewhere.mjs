import { eventLoop, memory } from '@palisade/health'

/** What a runtime refuses to build, with the message. */
export const elsewhere = Object.fromEntries(
  Object.entries({ eventLoop, memory }).flatMap(([name, build]) => {
    try {
      build().dispose?.()
      return []
    } catch (error) {
      return [[name, error.message]]
    }
  }),
)
