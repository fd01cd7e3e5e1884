import { isPromise, type Logger } from '@palisade/core/middleware'
import type { Sample } from '../series/metric.js'
import type { Exposed } from '../series/registry.js'

/** Prometheus text format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/ */
export const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * After so many lines other requests get their turn. Prometheus calls each a series: a histogram
 * has one for each bucket.
 */
const LINES_PER_TURN = 500

/**
 * Metrics as text. Gives way every 500 lines, so that a large exposition does not hold up requests;
 * a histogram's lines are of one moment.
 */
export async function renderText(metrics: readonly Exposed[], logger: Logger): Promise<string> {
  const parts: string[] = []
  let lines = 0
  for (const metric of metrics) {
    refresh(metric, logger)
    const { name, type } = metric
    parts.push(`# HELP ${name} ${escapeHelp(metric.help)}\n# TYPE ${name} ${type}\n`)
    for (const samples of metric.collect()) {
      for (const sample of samples) {
        parts.push(line(name, sample))
        lines++
      }
      if (lines < LINES_PER_TURN) continue
      lines = 0
      await otherTurns()
    }
  }
  return parts.join('')
}

function refresh(metric: Exposed, logger: Logger): void {
  const report = (error: unknown) =>
    logger.warn(
      { err: error, metric: metric.name },
      'a metric could not be asked for; its last value is shown',
    )
  try {
    const asked: unknown = metric.refresh?.()
    // No code awaits it, and its rejection would end the process.
    if (isPromise(asked)) asked.then(undefined, report)
  } catch (error) {
    report(error)
  }
}

function line(name: string, [suffix, labels, value]: Sample): string {
  let pairs = ''
  for (const [label, text] of labels)
    if (text !== '') pairs += `${pairs === '' ? '' : ','}${label}="${escapeValue(text)}"`
  return `${name}${suffix}${pairs === '' ? '' : `{${pairs}}`} ${number(value)}\n`
}

const escapeHelp = (text: string) => text.replace(/[\\\n]/g, c => (c === '\n' ? '\\n' : '\\\\'))
const escapeValue = (text: string) => text.replace(/[\\\n"]/g, c => (c === '\n' ? '\\n' : `\\${c}`))

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

function otherTurns(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown }
  return new Promise(resolve => void (setImmediate ?? setTimeout)(resolve))
}
