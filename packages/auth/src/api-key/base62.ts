const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/**
 * A number in base 62, so that the order of texts is the order of numbers. Overlong numbers lose
 * their upper digits.
 */
export function base62(value: bigint, length: number): string {
  let text = ''
  let rest = value
  for (let i = 0; i < length; i++) {
    text = (ALPHABET[Number(rest % 62n)] as string) + text
    rest /= 62n
  }
  return text
}

export function bytesToBase62(bytes: Uint8Array, length: number): string {
  return base62(BigInt(`0x${Buffer.from(bytes).toString('hex')}`), length)
}
