import { type Ip, ipAt, ipv4At, ipv6At, isMapped, words } from './ip.js'

/**
 * A header that lists the addresses a request has passed, the nearest last. It is read from the
 * right, one element at a time, and never further than asked: what a proxy that we trust appended
 * is found there whatever the client wrote to its left. Read from the left, one unclosed quote of
 * the client's would swallow the proxy's own element.
 */
export interface ForwardedList {
  /**
   * The first position of the element that ends before `end`; -1 if it has no beginning that can be
   * told, or is too long.
   */
  start(header: string, end: number): number
  /**
   * The address of the element, without port, brackets and zone; `undefined` if it has none or is
   * malformed.
   */
  address(header: string, start: number, end: number): Ip | undefined
}

/** At most so many elements of a header are read. */
export const MOST_ELEMENTS = 32

/**
 * An element that is longer, with the comma before it, is malformed. With `MOST_ELEMENTS` it bounds
 * what is read of a header of any length; a bound on the header itself would be a way for the
 * client to have it ignored.
 */
export const LONGEST_ELEMENT = 512

const TAB = 9
const SPACE = 32
const QUOTE = 34
const PERCENT = 37
const COMMA = 44
const COLON = 58
const SEMICOLON = 59
const EQUALS = 61
const OPEN = 91
const BACKSLASH = 92
const UNDERSCORE = 95

/**
 * The end of the last element before `end` that is not empty (RFC 9110 section 5.6.1.2). Without
 * such an element, a value below 1. At most `MOST_ELEMENTS` empty elements of a reasonable length
 * are skipped.
 */
export function endOfElement(header: string, end: number): number {
  const least = Math.max(0, end - LONGEST_ELEMENT)
  let last = end
  let skipped = 0
  for (let i = end - 1; i >= least; i--) {
    const code = header.charCodeAt(i)
    if (code === COMMA) {
      if (++skipped > MOST_ELEMENTS) return last
      last = i
    } else if (!isBlank(code)) return last
  }
  return least === 0 ? -1 : last
}

/** The address in a header that has one value; empty elements beside the value are skipped. */
export function onlyNode(text: string): Ip | undefined {
  const end = endOfElement(text, text.length)
  let start = 0
  while (start < end && (isBlank(text.charCodeAt(start)) || text.charCodeAt(start) === COMMA)) start++
  return trimmedNode(text, start, end)
}

/** The de facto list of addresses. An empty element has no address. */
export const xForwardedFor: ForwardedList = {
  start(header, end) {
    const least = Math.max(0, end - LONGEST_ELEMENT)
    for (let i = end - 1; i >= least; i--) if (header.charCodeAt(i) === COMMA) return i + 1
    return least === 0 ? 0 : -1
  },
  address: (header, start, end) => trimmedNode(header, start, end),
}

/**
 * RFC 7239. Stricter than what proxies read, no stricter than what they ought to write: only blanks
 * around `;` are forgiven.
 */
export const forwarded: ForwardedList = {
  start(header, end) {
    const least = Math.max(0, end - LONGEST_ELEMENT)
    let quoted = false
    for (let i = end - 1; i >= least; i--) {
      const code = header.charCodeAt(i)
      if (code === COMMA && !quoted) return i + 1
      if (code !== QUOTE) continue
      // Behind an odd number of backslashes it is a character of the quoted string and not its
      // border; outside of one, wrong.
      let before = i
      while (before > least && header.charCodeAt(before - 1) === BACKSLASH) before--
      if ((i - before) % 2 === 0) quoted = !quoted
      else if (!quoted) return -1
      i = before
    }
    return least === 0 && !quoted ? 0 : -1
  },

  address(header, start, end) {
    let found: Ip | undefined
    for (let i = skipBlanks(header, start, end); i < end; i = skipBlanks(header, i, end)) {
      if (header.charCodeAt(i) === SEMICOLON) {
        i++
        continue
      }
      const name = i
      i = skipToken(header, i, end)
      if (i === name || i === end || header.charCodeAt(i) !== EQUALS) return undefined
      const isFor = i - name === 3 && header.slice(name, i).toLowerCase() === 'for'
      const value = i + 1
      i = header.charCodeAt(value) === QUOTE ? skipQuoted(header, value, end) : skipToken(header, value, end)
      if (i <= value) return undefined
      if (isFor) {
        // Section 4: a parameter must not occur twice in an element.
        if (found !== undefined) return undefined
        found = forwardedNode(header, value, i)
        if (found === undefined) return undefined
      }
      i = skipBlanks(header, i, end)
      if (i < end && header.charCodeAt(i) !== SEMICOLON) return undefined
    }
    return found
  },
}

/**
 * Section 6: a node that is not a token, as every one with a colon, has to be quoted, and IPv6 has
 * to be in brackets.
 */
function forwardedNode(header: string, start: number, end: number): Ip | undefined {
  if (header.charCodeAt(start) !== QUOTE) return nodeAt(header, start, end, true)
  const backslash = header.indexOf('\\', start)
  if (backslash < 0 || backslash >= end) return nodeAt(header, start + 1, end - 1, true)
  const plain = header.slice(start + 1, end - 1).replace(/\\(.)/gs, '$1')
  return nodeAt(plain, 0, plain.length, true)
}

/** An address from a header, with blanks around it, as an element or alone in its header. */
function trimmedNode(text: string, start: number, end: number): Ip | undefined {
  const first = skipBlanks(text, start, end)
  let last = end
  while (last > first && isBlank(text.charCodeAt(last - 1))) last--
  return nodeAt(text, first, last, false)
}

/** The address of a socket, which may have a zone; `undefined` if the text is no address. */
export const peerAt = (text: string): Ip | undefined => zonedAt(text, 0, text.length)

/**
 * `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]`, `[2001:db8::1]:80`; without a grammar to break also
 * `2001:db8::1`.
 */
function nodeAt(text: string, start: number, end: number, rfc7239: boolean): Ip | undefined {
  if (text.charCodeAt(start) === OPEN && start < end) {
    const close = text.indexOf(']', start)
    if (close < 0 || close >= end) return undefined
    if (close + 1 !== end && !isPort(text, close + 1, end, rfc7239)) return undefined
    // A dotted quad has no place in brackets, where two readers could differ about it.
    return ipv4At(text, start + 1, close) >= 0 ? undefined : zonedAt(text, start + 1, close)
  }
  const colon = text.indexOf(':', start)
  if (colon < 0 || colon >= end) {
    const ipv4 = ipv4At(text, start, end)
    return ipv4 < 0 ? undefined : words(4, 0, 0, 0xffff, ipv4)
  }
  const ipv4 = ipv4At(text, start, colon)
  if (ipv4 >= 0) return isPort(text, colon, end, rfc7239) ? words(4, 0, 0, 0xffff, ipv4) : undefined
  return rfc7239 ? undefined : zonedAt(text, start, end)
}

/**
 * An address, IPv6 with or without a zone (RFC 4007 section 11), which means nothing on another
 * machine and is dropped.
 */
function zonedAt(text: string, start: number, end: number): Ip | undefined {
  const percent = text.indexOf('%', start)
  if (percent < 0 || percent >= end) return ipAt(text, start, end)
  if (percent + 1 === end) return undefined
  for (let i = percent + 1; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code !== PERCENT && !isNameCharacter(code)) return undefined
  }
  const ip = ipv6At(text, start, percent)
  return ip !== undefined && isMapped(ip) ? words(4, 0, 0, 0xffff, ip.d) : ip
}

/** A colon and a port, or in RFC 7239 section 6.3 an obfuscated one. */
function isPort(text: string, colon: number, end: number, rfc7239: boolean): boolean {
  const start = colon + 1
  if (text.charCodeAt(colon) !== COLON || start >= end) return false
  if (rfc7239 && text.charCodeAt(start) === UNDERSCORE && start + 1 < end) {
    for (let i = start; i < end; i++) if (!isNameCharacter(text.charCodeAt(i))) return false
    return true
  }
  if (end - start > 5) return false
  let port = 0
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code < 48 || code > 57) return false
    port = port * 10 + code - 48
  }
  return port <= 65_535
}

/** The position after the closing quote; -1 if the quote is not closed. */
function skipQuoted(text: string, start: number, end: number): number {
  for (let i = start + 1; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) return i + 1
    if (code === BACKSLASH) i++
  }
  return -1
}

function skipToken(text: string, start: number, end: number): number {
  let i = start
  while (i < end && isTokenCharacter(text.charCodeAt(i))) i++
  return i
}

function skipBlanks(text: string, start: number, end: number): number {
  let i = start
  while (i < end && isBlank(text.charCodeAt(i))) i++
  return i
}

const isBlank = (code: number) => code === SPACE || code === TAB

const isAlphanumeric = (code: number) =>
  (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122)

/** What names an interface or hides a port: `eth0.100`, `_gazonk`. */
const isNameCharacter = (code: number) =>
  isAlphanumeric(code) || code === 45 || code === 46 || code === UNDERSCORE || code === 126

const TOKEN_MARKS = "!#$%&'*+-.^_`|~"

/** RFC 9110 section 5.6.2. */
const isTokenCharacter = (code: number) =>
  isAlphanumeric(code) || (code < 128 && TOKEN_MARKS.includes(String.fromCharCode(code)))
