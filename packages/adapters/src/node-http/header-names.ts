/** RFC 9110 section 5.5 as Node checks it: visible characters, blanks, and bytes above ASCII. */
const UNFIT_VALUE = /[^\t\x20-\x7e\x80-\xff]/
/** RFC 9110 section 5.6.2: a token. */
const TOKEN = /^[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+$/
const MOST = 1000

/** Names that were checked, to their lower-case form. They come from code, so they are few; the bound is for those who build names. */
export class HeaderNames {
  private readonly known = new Map<string, string>()

  /** `undefined` for what is no field name. */
  lowerCase(name: string): string | undefined {
    return this.known.get(name) ?? this.learn(name)
  }

  private learn(name: string): string | undefined {
    if (typeof name !== 'string' || !TOKEN.test(name)) return undefined
    const lower = name.toLowerCase()
    if (this.known.size < MOST) this.known.set(name, lower)
    return lower
  }
}

export function isFitValue(value: unknown): value is string {
  return typeof value === 'string' && !UNFIT_VALUE.test(value)
}
