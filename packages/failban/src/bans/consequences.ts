/** What a store of bans is asked for. */
export type Operation = 'load' | 'save' | 'remove'

/** The meaning of a failure, for the log. */
export const CONSEQUENCES: Readonly<Record<Operation, string>> = {
  load: 'the kept bans could not be read and are not in force in this process',
  save: 'a ban could not be kept: it is in force in this process, and lost at its end',
  remove: 'a lifted ban could not be forgotten for good, and may come back at a restart',
}
