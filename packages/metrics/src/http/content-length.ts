/** RFC 9110 section 8.6, within what a number holds exactly. */
const MOST_DIGITS = 15

/** The number that a Content-Length says; `undefined` where it is malformed. */
export function contentLength(value: string): number | undefined {
  if (value === '' || value.length > MOST_DIGITS) return undefined
  let length = 0
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 48
    if (!(digit >= 0 && digit <= 9)) return undefined
    length = 10 * length + digit
  }
  return length
}
