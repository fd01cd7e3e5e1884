import type { Logger } from '@palisade/core'
import type { Sample } from '../series/metric.js'
import type { Exposed, Registry } from '../series/registry.js'

/** Prometheus text format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/ */
export const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** After so many series other requests get their turn. */
const SERIES_PER_TURN = 500

/** The whole registry as text. Gives way every 500 series, so that a large exposition does not hold up requests. */
export async function renderText(registry: Registry, logger: Logger): Promise<string> {
  const parts: string[] = []
  let sinceTurn = 0
  for (const metric of registry.all()) {
    refresh(metric, logger)
    parts.push(`# HELP ${metric.name} ${escapeHelp(metric.help)}\n# TYPE ${metric.name} ${metric.type}\n`)
    for (const samples of metric.collect()) {
      for (const sample of samples) parts.push(line(metric.name, sample))
      if (++sinceTurn < SERIES_PER_TURN) continue
      sinceTurn = 0
      await otherTurns()
    }
  }
  return parts.join('')
}

function refresh(metric: Exposed, logger: Logger): void {
  try {
    metric.refresh?.()
  } catch (error) {
    logger.warn(
      { err: error, metric: metric.name },
      'a metric could not be asked for; its last value is shown',
    )
  }
}

function line(name: string, [suffix, labels, value]: Sample): string {
  const pairs = labels
    .filter(([, text]) => text !== '')
    .map(([label, text]) => `${label}="${escapeValue(text)}"`)
  return `${name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${number(value)}\n`
}

const escapeHelp = (text: string) => text.replace(/[\\\n]/g, c => (c === '\\' ? '\\\\' : '\\n'))
const escapeValue = (text: string) => text.replace(/[\\\n"]/g, c => (c === '\n' ? '\\n' : `\\${c}`))

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

function otherTurns(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown }
  return new Promise(resolve => void (setImmediate ?? setTimeout)(resolve))
}
