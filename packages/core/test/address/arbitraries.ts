import fc from 'fast-check'

export const octet = fc.integer({ min: 0, max: 255 })
export const ipv4 = fc.tuple(octet, octet, octet, octet).map(octets => octets.join('.'))

const group = fc.oneof(
  { arbitrary: fc.constant(0), weight: 3 },
  { arbitrary: fc.integer({ min: 0, max: 0xffff }), weight: 2 },
)
export const groups = fc.array(group, { minLength: 8, maxLength: 8 })

/**
 * Any of the notations of RFC 4291 section 2.2 for the same eight groups, upper case and leading
 * zeros included.
 */
export function notations(all: readonly number[]): string[] {
  const hex = all.map(value => value.toString(16))
  const texts = [hex.join(':'), hex.map(text => text.padStart(4, '0').toUpperCase()).join(':')]
  const last = [(all[6] ?? 0) >> 8, (all[6] ?? 0) & 255, (all[7] ?? 0) >> 8, (all[7] ?? 0) & 255].join('.')
  texts.push([...hex.slice(0, 6), last].join(':'))
  for (let from = 0; from < 8; from++) {
    for (let to = from + 1; to <= 8 && all[to - 1] === 0; to++) {
      texts.push(`${hex.slice(0, from).join(':')}::${hex.slice(to).join(':')}`)
      if (to <= 6) texts.push(`${hex.slice(0, from).join(':')}::${[...hex.slice(to, 6), last].join(':')}`)
    }
  }
  return texts
}

export const ipv6 = groups.chain(all => fc.constantFrom(...notations(all)))
export const address = fc.oneof(ipv4, ipv6)

/**
 * Text made of the characters that addresses and headers are made of, so that it is nearly right
 * more often than noise is.
 */
export const nearly = fc.string({
  unit: fc.constantFrom(
    ...'0123456789abcfF.:%[]/ ,;="\\_',
    'for=',
    '::',
    '::ffff:',
    '10.0.0.1',
    'unknown',
    '\t',
  ),
  maxLength: 48,
})
