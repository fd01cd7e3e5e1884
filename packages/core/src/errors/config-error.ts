/** What `ConfigError` says: where, what was found, what is allowed. */
export interface ConfigProblem {
  /** The factory that was called: `rateLimit`. */
  readonly owner: string
  /**
   * The path of the faulty option: `policies[1].window`. Empty when the whole argument is wrong.
   */
  readonly option: string
  /** What was found. */
  readonly value?: unknown
  /** What would have been right, as the end of a sentence that begins with "allowed:". */
  readonly allowed: string
  /**
   * Whether the option is unknown. Its value is not shown: it may be a secret under a misspelt
   * name.
   */
  readonly isUnknown?: boolean
  /** What was thrown when the value was looked at. */
  readonly cause?: unknown
}

/**
 * An option is wrong. Thrown while a middleware, a store or a pipeline is built, never while a
 * request is served.
 *
 * `message` names the factory, the option, the value and what is allowed; the same facts are
 * properties. `value` is not enumerable, since it may be a secret: loggers and `util.inspect` write
 * down what is.
 */
export class ConfigError extends Error {
  static readonly code = 'CONFIG_INVALID'
  readonly code = ConfigError.code
  readonly owner: string
  readonly option: string
  declare readonly value: unknown
  readonly allowed: string

  constructor(problem: ConfigProblem) {
    super(describeProblem(problem), problem.cause === undefined ? undefined : { cause: problem.cause })
    this.name = 'ConfigError'
    this.owner = problem.owner
    this.option = problem.option
    Object.defineProperty(this, 'value', { value: problem.value })
    this.allowed = problem.allowed
  }
}

/** The options that hold secrets, and those into which a secret is put by mistake. */
const SECRET = /(?:secret|pepper|password|(?:private|public)Key)(?:\[\d+\])?$/i

function describeProblem({ owner, option, value, allowed, isUnknown }: ConfigProblem): string {
  const where = option === '' ? `${owner}: the options are` : `${owner}: option ${quoted(option)} is`
  return `${where} ${isUnknown === true ? 'unknown' : showValue(value, SECRET.test(option))}; allowed: ${allowed}`
}

/** A name that may be anything, when it is an option that there is not. */
function quoted(option: string): string {
  return JSON.stringify(option.length > 120 ? `${option.slice(0, 120)}...` : option)
}

/**
 * A value as it may appear in a message: short, on one line, and never the contents of a key or a
 * secret.
 */
function showValue(value: unknown, isSecret: boolean): string {
  if (value === undefined) return 'missing'
  if (typeof value === 'string')
    return isSecret || value.length > 60 ? `a string of ${value.length} characters` : JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (isSecret && value !== null && typeof value !== 'object') return `a ${typeof value}`
  if (typeof value === 'symbol' || typeof value === 'bigint') return String(value)
  if (value === null || typeof value !== 'object') return String(value)
  try {
    if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`
    const name: unknown = Object.getPrototypeOf(value)?.constructor?.name
    return typeof name === 'string' && /^(?!Object$)\w{1,60}$/.test(name) ? `a ${name}` : 'an object'
  } catch {
    return 'an object that cannot be read'
  }
}
