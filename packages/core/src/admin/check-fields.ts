import type { RequestContext } from '../contract/context.js'
import { ConfigError } from '../errors/config-error.js'
import { RequestError } from '../errors/request-error.js'
import { type Check, type Checked, present, refuse, within } from '../options/check.js'
import { nearest } from '../options/nearest.js'

/** One fault of a request body or query, as `details.fields` lists it. */
export interface FaultyField {
  /** The path of the field: `windows[0].from`. Empty when the whole body is wrong. */
  readonly field: string
  readonly message: string
}

export interface FieldRules {
  /** How a faulty field is answered. Default 422. */
  status?: 400 | 422
}

/** A field that may be `undefined` is not there then. */
export type CheckedFields<S extends Record<string, Check<unknown>>> = {
  [K in keyof Checked<S> as undefined extends Checked<S>[K] ? never : K]: Checked<S>[K]
} & {
  [K in keyof Checked<S> as undefined extends Checked<S>[K] ? K : never]?: Exclude<Checked<S>[K], undefined>
}

/** A request lists at most this many faults. */
const MOST_FAULTS = 20

/**
 * Checks the fields that a client sent by the same checks that options have. All faults are
 * collected, so that a form can show them at once; unknown fields are faults. An optional field
 * that is absent stays absent: a PATCH may assign the result to a record.
 *
 *     const body = await readJson(ctx, 16_384)
 *     const fields = { name: text({ max: 100 }), scopes: list(text()) }
 *     const { name, scopes } = checkFields(body, fields)
 *
 * @throws RequestError 422 (or what `status` says) `VALIDATION_ERROR` with `details.fields`
 */
export function checkFields<S extends Record<string, Check<unknown>>>(
  given: unknown,
  shape: S,
  { status = 422 }: FieldRules = {},
): CheckedFields<S> {
  const names = Object.keys(shape)
  if (given === null || typeof given !== 'object' || Array.isArray(given))
    throw faulty([{ field: '', message: `must be an object with ${names.join(', ')}` }], status)
  const fields = given as Record<string, unknown>
  const faults: FaultyField[] = []
  for (const name of Object.keys(fields)) {
    if (!Object.hasOwn(shape, name)) faults.push({ field: clip(name), message: unknownField(name, names) })
  }
  const checked: (readonly [name: string, value: unknown])[] = []
  for (const name of names) {
    // A body is not a class: what it inherits was not sent.
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined
    try {
      checked.push([name, shape[name]?.(value, within(ROOT, name))])
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      faults.push({ field: clip(error.option), message: faultOf(error) })
    }
  }
  if (faults.length > 0) throw faulty(faults, status)
  return present(checked) as CheckedFields<S>
}

/**
 * `checkFields` for the query of a request. Every value is text; a parameter given twice is a
 * fault.
 *
 * @throws RequestError as `checkFields`
 */
export function checkQuery<S extends Record<string, Check<unknown>>>(
  ctx: RequestContext,
  shape: S,
  rules: FieldRules = {},
): CheckedFields<S> {
  const values = new Map<string, string>()
  for (const [name, value] of ctx.query) {
    if (values.has(name))
      throw faulty([{ field: clip(name), message: 'must be given once' }], rules.status ?? 422)
    values.set(name, value)
  }
  return checkFields(Object.fromEntries(values), shape, rules)
}

/** A whole number written in decimal digits, as a query says it. */
export function integerText(limits: { min?: number; max?: number } = {}): Check<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits
  return (value, at) => {
    const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
    return number >= min && number <= max ? number : refuse(at, value, `a whole number from ${min} to ${max}`)
  }
}

/** A refusal that names fields, for faults that only the handler can see (a name that is taken). */
export function faulty(fields: readonly FaultyField[], status: 400 | 422 = 422): RequestError {
  return new RequestError(status, 'The request is not valid', {
    code: 'VALIDATION_ERROR',
    details: { fields: fields.slice(0, MOST_FAULTS) },
  })
}

const ROOT = { owner: 'request', option: '' }

function faultOf({ value, allowed }: ConfigError): string {
  return value === undefined ? `is missing; must be ${allowed}` : `must be ${allowed}`
}

function unknownField(name: string, names: readonly string[]): string {
  const meant = nearest(clip(name), names)
  return meant === undefined ? 'is not a known field' : `is not a known field (did you mean "${meant}"?)`
}

const clip = (name: string) => (name.length > 100 ? `${name.slice(0, 100)}...` : name)
