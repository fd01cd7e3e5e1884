import { createHash } from 'node:crypto'
import { text } from '../options/check.js'
import { refuse } from '../options/option-path.js'

/** Makes the keys of one kind in one namespace: `palisade:{api}:rl:login:203.0.113.9`. */
export type RedisKeys = (...parts: readonly [string, ...string[]]) => string

const NAMESPACE = text({
  pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  allowed: '1 to 64 letters, digits, ".", "_" or "-", beginning with a letter or digit',
})
const KIND = /^[a-z][a-z0-9-]{0,15}$/

/**
 * A longer part is written as its digest: a client cannot make a key as long as a header may be.
 */
const LONGEST = 128
const NEEDS_ESCAPE = /[%:#\p{Surrogate}]/u
const ESCAPED = /[%:#\p{Surrogate}]/gu

/**
 * The keys of one kind of record (`rl`, `fb`, `ss`, `rt`) in one namespace. The braces are a hash
 * tag: all of the keys share a Cluster slot, and so may be used in one script.
 *
 * Two different lists of parts never make the same key, even if clients choose the parts: `:`
 * between parts, `%` and `#` are escaped, a part of more than 128 characters becomes `#` and its
 * SHA-256, and a lone surrogate, which UTF-8 cannot carry, keeps its number.
 *
 * @param namespace what two applications on one Redis differ by
 * @throws ConfigError for a namespace or kind that is not plain
 */
export function redisKeys(namespace: string, kind: string): RedisKeys {
  const ns = NAMESPACE(namespace, { owner: 'redisKeys', option: 'namespace' })
  if (typeof kind !== 'string' || !KIND.test(kind))
    refuse({ owner: 'redisKeys', option: 'kind' }, kind, '1 to 16 lower-case letters, digits or "-"')
  const prefix = `palisade:{${ns}}:${kind}`
  return (...parts) => {
    let key = prefix
    for (const part of parts) key += `:${written(part)}`
    return key
  }
}

function written(part: string): string {
  const safe = NEEDS_ESCAPE.test(part) ? part.replace(ESCAPED, escaped) : part
  return part.length > LONGEST ? `#${createHash('sha256').update(safe).digest('base64url')}` : safe
}

function escaped(character: string): string {
  const code = character.charCodeAt(0).toString(16).toUpperCase()
  return code.length > 2 ? `%u${code}` : `%${code}`
}
