import { type Check, callback, checkOptions, list, optional, refuse, text } from '@palisade/core/middleware'

/** Prometheus' data model, https://prometheus.io/docs/concepts/data_model/; a name that begins with `__` is the server's own. */
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LONGEST = 100

export const prefix: Check<string> = text({
  pattern: NAME,
  allowed: `letters, digits, _ and :, not beginning with a digit, at most ${LONGEST} characters`,
  max: LONGEST,
})

/** `le` is the bucket's own label in every histogram, and cannot be used otherwise. */
export const label: Check<string> = text({
  pattern: /^(?!(?:__|le$))[a-zA-Z_][a-zA-Z0-9_]*$/,
  allowed: 'letters, digits and _, not beginning with a digit or "__", and not "le"',
  max: LONGEST,
})

const labels: Check<readonly string[]> = (value, at) => {
  const names = list(label, { max: 10 })(value, at)
  return new Set(names).size === names.length ? names : refuse(at, value, 'label names that differ')
}

/** Upper bounds, ascending, without +Inf, which is always there. */
export const buckets: Check<readonly number[]> = (value, at) => {
  const allowed = '1 to 100 finite numbers, ascending'
  const bounds = list(
    (entry, where) =>
      typeof entry === 'number' && Number.isFinite(entry) ? entry : refuse(where, entry, 'a finite number'),
    { min: 1, max: 100 },
  )(value, at)
  for (let i = 1; i < bounds.length; i++)
    if ((bounds[i] as number) <= (bounds[i - 1] as number)) refuse(at, value, allowed)
  return bounds
}

const common = {
  help: text({ allowed: 'a sentence that says what is counted', max: 500 }),
  labels: optional(labels, []),
}
const metricName = (pattern: RegExp, allowed: string) => text({ pattern, allowed, max: LONGEST })
const name = metricName(NAME, 'letters, digits, _ and :, not beginning with a digit')

export const checkCounter = (options: unknown) =>
  checkOptions('metrics.counter', options, {
    name: metricName(/^[a-zA-Z_:][a-zA-Z0-9_:]*_total$/, 'letters, digits, _ and :, ending in "_total"'),
    ...common,
  })

export const checkGauge = (options: unknown) =>
  checkOptions('metrics.gauge', options, {
    name,
    ...common,
    collect: optional(callback('a function (gauge) => void')),
  })

export const checkHistogram = (options: unknown) =>
  checkOptions('metrics.histogram', options, { name, ...common, buckets: optional(buckets) })
