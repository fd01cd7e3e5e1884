/**
 * An address as bits. IPv4 stands where RFC 4291 section 2.5.5.2 maps it, `::ffff:0:0/96`, so that
 * one mask serves both families; `family` says how it is written and counted. Four words of 32
 * bits: no BigInt where requests pass.
 */
export interface Ip {
  readonly family: 4 | 6
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
}

const MAPPED = 0xffff
const DOT = 46
const COLON = 58
/** The longest text of an address, `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`. */
const LONGEST = 45

/** One literal in one place, so that every address has the same hidden class. */
export const words = (family: 4 | 6, a: number, b: number, c: number, d: number): Ip => ({
  family,
  a,
  b,
  c,
  d,
})

/**
 * The canonical text of an address: IPv4 as it is, IPv6 by RFC 5952, IPv4-mapped IPv6 (by its bits,
 * in any notation) as IPv4. `undefined` for anything else: leading zeros, octal, hexadecimal or
 * short IPv4 forms, ports, brackets, zones, white space.
 *
 * The mixed notation of RFC 5952 section 5 is read but never written, since the one prefix that it
 * is common for becomes IPv4.
 */
export function canonicalIp(text: string): string | undefined {
  const dotted = dottedIpv4(text)
  if (dotted !== undefined) return dotted
  const ip = ipAt(text, 0, text.length)
  return ip === undefined ? undefined : formatIp(ip)
}

/**
 * `canonicalIp` for what a socket says about nearly every IPv4 client, without taking the address
 * apart.
 */
export function dottedIpv4(text: string): string | undefined {
  if (socketIpv4At(text, 0, text.length) < 0) return undefined
  return text.charCodeAt(0) === COLON ? text.slice(7) : text
}

/**
 * The 32 bits of `192.0.2.1`, or of `::ffff:192.0.2.1` as a socket for both families writes it; -1
 * for any other text.
 */
export function socketIpv4At(text: string, start: number, end: number): number {
  return text.charCodeAt(start) === COLON && text.startsWith('::ffff:', start)
    ? ipv4At(text, start + 7, end)
    : ipv4At(text, start, end)
}

/** The address that stands between two positions and fills them. */
export function ipAt(text: string, start: number, end: number): Ip | undefined {
  const ipv4 = socketIpv4At(text, start, end)
  if (ipv4 >= 0) return words(4, 0, 0, MAPPED, ipv4)
  const ip = ipv6At(text, start, end)
  return ip !== undefined && isMapped(ip) ? words(4, 0, 0, MAPPED, ip.d) : ip
}

export const isMapped = (ip: Ip): boolean => ip.a === 0 && ip.b === 0 && ip.c === MAPPED

/**
 * The 32 bits of a dotted quad between two positions; -1 if there is anything else, a leading zero
 * (octal to some parsers) included.
 */
export function ipv4At(text: string, start: number, end: number): number {
  if (end - start < 7 || end - start > 15) return -1
  let value = 0
  let octet = 0
  let digits = 0
  let dots = 0
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (digits === 0 || dots === 3) return -1
      value = value * 256 + octet
      octet = 0
      digits = 0
      dots++
      continue
    }
    if (code < 48 || code > 57) return -1
    if (digits !== 0 && octet === 0) return -1
    octet = octet * 10 + code - 48
    if (octet > 255) return -1
    digits++
  }
  return dots === 3 && digits !== 0 ? value * 256 + octet : -1
}

/**
 * RFC 4291 section 2.2, all three forms. Mapped addresses stay IPv6 here: a CIDR needs to know how
 * its prefix was counted.
 */
export function ipv6At(text: string, start: number, end: number): Ip | undefined {
  if (end - start < 2 || end - start > LONGEST) return undefined
  const groups = [0, 0, 0, 0, 0, 0, 0, 0]
  let count = 0
  let gap = -1
  let i = start
  if (text.charCodeAt(i) === COLON) {
    if (text.charCodeAt(i + 1) !== COLON) return undefined
    gap = 0
    i += 2
  }
  while (i < end) {
    if (count === 8) return undefined
    let value = 0
    let digits = 0
    const group = i
    for (; i < end && digits < 5; i++, digits++) {
      const digit = hexDigit(text.charCodeAt(i))
      if (digit < 0) break
      value = value * 16 + digit
    }
    if (digits === 0 || digits > 4) return undefined
    if (i < end && text.charCodeAt(i) === DOT) {
      const ipv4 = ipv4At(text, group, end)
      if (ipv4 < 0) return undefined
      groups[count++] = ipv4 >>> 16
      groups[count++] = ipv4 & 0xffff
      break
    }
    groups[count++] = value
    if (i === end) break
    if (text.charCodeAt(i) !== COLON) return undefined
    i++
    if (i === end) return undefined
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0) return undefined
      gap = count
      i++
    }
  }
  if (gap < 0 ? count !== 8 : count > 7) return undefined
  if (gap >= 0) {
    for (let from = count - 1, to = 7; from >= gap; from--, to--) {
      groups[to] = groups[from] ?? 0
      groups[from] = 0
    }
  }
  return words(6, pair(groups, 0), pair(groups, 2), pair(groups, 4), pair(groups, 6))
}

const pair = (groups: readonly number[], at: number) =>
  (((groups[at] ?? 0) << 16) | (groups[at + 1] ?? 0)) >>> 0

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

/**
 * RFC 5952 section 4, or the dotted quad. The text is always new: a slice of a header would keep
 * the whole header alive for as long as a limit or a ban remembers the address.
 */
export function formatIp(ip: Ip): string {
  return ip.family === 4 ? formatIpv4(ip.d) : formatIpv6(ip)
}

const formatIpv4 = (value: number) =>
  `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`

function formatIpv6({ a, b, c, d }: Ip): string {
  const groups = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff, c >>> 16, c & 0xffff, d >>> 16, d & 0xffff]
  // Section 4.2: the longest run of two or more zero groups is shortened, the first of equals.
  let gap = 8
  let longest = 1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (groups[i + run] === 0) run++
    if (run > longest) {
      gap = i
      longest = run
    }
    i += run
  }
  let text = ''
  for (let i = 0; i < 8; i++) {
    if (i === gap) {
      text += '::'
      i += longest - 1
      continue
    }
    if (i !== 0 && i !== gap + longest) text += ':'
    text += (groups[i] ?? 0).toString(16)
  }
  return text
}
