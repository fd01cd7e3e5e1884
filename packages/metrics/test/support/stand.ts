import { type Logger, type Middleware, type PipelineOptions, pipeline, Reply } from '@palisade/core'
import { fakeClock, type InjectedRequest, inject } from '@palisade/core/testing'
import { type Metrics, type MetricsOptions, metrics } from '../../src/index.js'

export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)

/** A pipeline with `metrics()` in front, a clock that stands still and a log that is kept. */
export function stand(
  options: MetricsOptions = {},
  { behind = [], ...rest }: PipelineOptions & { behind?: readonly Middleware[] } = {},
) {
  const clock = fakeClock(NOW)
  const logs: { readonly level: string; readonly fields: object; readonly message: string | undefined }[] = []
  const log = (level: string) => (fields: object, message?: string) =>
    void logs.push({ level, fields, message })
  const logger: Logger = {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
  }
  const counted: Metrics = metrics(options)
  let edge = pipeline({ clock, logger, production: true, ...rest }).use(counted)
  for (const one of behind) edge = edge.use(one)
  edge.compile()
  const send = (request: InjectedRequest & { status?: number; ms?: number } = {}) => {
    const { status = 200, ms = 0, ...injected } = request
    const handler = () => {
      clock.advance(ms)
      return new Reply(status, {}, 'ok')
    }
    return inject(edge, { handler, ...injected })
  }
  const visit = (url: string, request: InjectedRequest = {}) =>
    inject(edge, { url, peer: '127.0.0.1', ...request })
  return { clock, logs, metrics: counted, edge, events: edge.events, send, visit }
}

/** The lines of an exposition that are no comments, by their series. */
export function samplesOf(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]),
  )
}
