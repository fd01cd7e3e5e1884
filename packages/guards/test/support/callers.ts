import type { Clock, Identity, Logger, Pipeline } from '@palisade/core'
import { pipeline, provideIdentity } from '@palisade/core'
import { fakeClock } from '@palisade/core/testing'

export function identity(
  more: Partial<Omit<Identity, 'scopes' | 'roles'>> & { scopes?: string[]; roles?: string[] } = {},
): Identity {
  const { scopes = [], roles = [], ...rest } = more
  return Object.freeze({
    subject: 'ada',
    method: 'jwt',
    claims: {},
    ...rest,
    scopes: new Set(scopes),
    roles: new Set(roles),
  })
}

export interface Logged {
  readonly level: 'warn' | 'error'
  readonly message: string | undefined
  readonly error: unknown
}

export function recordingLogger(logged: Logged[]): Logger {
  const write = (level: Logged['level']) => (fields: object, message?: string) =>
    void logged.push({ level, message, error: (fields as { err?: unknown }).err })
  return { debug() {}, info() {}, warn: write('warn'), error: write('error') }
}

/** A pipeline in which this caller, or no caller, is identified. Its log is kept. */
export function edgeOf(
  who: Identity | null = identity(),
  more: { clock?: Clock; logged?: Logged[]; production?: boolean } = {},
): Pipeline<{ identity: Identity }> {
  const { clock = fakeClock(), logged = [], production = true } = more
  // What plain JavaScript may do with a login that is optional.
  return pipeline({ clock, production, logger: recordingLogger(logged) }).use(
    provideIdentity(() => who as Identity),
  )
}
