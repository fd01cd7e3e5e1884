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

/** RFC 9110 section 5.5 as Node checks it: visible characters, blanks, and bytes above ASCII. A loop, since most values are too short for a RegExp. */
export function isFitValue(value: unknown): value is string {
  if (typeof value !== 'string') return false
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i)
    if ((c < 32 && c !== 9) || c === 127 || c > 255) return false
  }
  return true
}
