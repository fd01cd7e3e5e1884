import { EventBus, type Pipeline, type PipelineOptions, pipeline, type Violation } from '@palisade/core'
import { type FakeClock, fakeClock, type InjectedRequest, inject } from '@palisade/core/testing'
import { type AuthenticateOptions, authenticate } from '../../src/index.js'

export interface LogLine {
  readonly level: 'debug' | 'warn' | 'error'
  readonly fields: Record<string, unknown>
  readonly message: string | undefined
}

/** A pipeline with authentication on a clock that stands still, and everything that it tells. */
export function edge(options: AuthenticateOptions, clock: FakeClock = fakeClock()) {
  const logs: LogLine[] = []
  /** Lines at `debug`, which are written only in a search for a fault. */
  const debugs: LogLine[] = []
  const write =
    (level: LogLine['level'], lines = logs) =>
    (fields: object, message?: string) => {
      lines.push({ level, fields: fields as Record<string, unknown>, message })
    }
  const logger = { debug: write('debug', debugs), info() {}, warn: write('warn'), error: write('error') }
  const events = new EventBus(logger)
  const violations: Violation[] = []
  const failures: { reason: string; strategy: string | undefined; subject: string | undefined }[] = []
  const successes: string[] = []
  events.on('security:violation', violation => violations.push(violation))
  events.on('auth:failure', ({ reason, strategy, subject }) => failures.push({ reason, strategy, subject }))
  events.on('auth:success', ({ identity }) => successes.push(identity.subject))
  const base: PipelineOptions = { clock, logger, events, production: true }
  const built = pipeline(base).use(authenticate(options))
  return {
    pipeline: built as Pipeline<object>,
    clock,
    logs,
    debugs,
    violations,
    failures,
    successes,
    send: (request: InjectedRequest = {}) => inject(built, request),
    dispose: () => built.dispose(),
  }
}

export const bearer = (token: string): InjectedRequest => ({ headers: { authorization: `Bearer ${token}` } })
