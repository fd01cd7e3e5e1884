import { type Logger, pipeline } from '@palisade/core'
import { fakeClock } from '@palisade/core/testing'

/** An empty pipeline, and the warnings and errors that it logs. */
export function watched() {
  const logged: object[] = []
  const note = (fields: object) => void logged.push(fields)
  const logger: Logger = { debug() {}, info() {}, warn: note, error: note }
  return { logged, base: pipeline({ clock: fakeClock(), logger }) }
}
