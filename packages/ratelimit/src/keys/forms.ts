import { canonicalCidr, networkOf, type Trust } from '@palisade/core/middleware'

/** Where a key function of this package has the forms of its keys. */
export const FORM: unique symbol = Symbol('form')

/** What an operator may write for a key, who has the address of a client or the name of a user. */
export interface KeyForm {
  /** The keys that a text stands for; none when the key function never returns them. */
  keysOf(text: string, trusts: readonly Trust[]): readonly string[]
  /** What to write, as the end of a sentence. */
  readonly allowed: string
}

export const clientForm: KeyForm = {
  keysOf: clientKeysOf,
  allowed: 'the address of a client, or its network as its key names it',
}

export const identityForm: KeyForm = {
  keysOf: (text, trusts) => [...clientKeysOf(text, trusts), isIdentity(text) ? text : `@${text}`],
  allowed: 'a subject, "#" with a length, ":", a tenant of that length and its subject, or an address',
}

export const composedForm: KeyForm = {
  keysOf: text => (isComposed(text) ? [text] : []),
  allowed: 'the joined form of a composed key: of each part its length, ":" and the part',
}

/**
 * How the keys of an API key begin: `$` for a digest of what was sent, else as those of an
 * identity.
 */
export function apiKeyForm(keyOf: (sent: string) => string): KeyForm {
  return {
    keysOf: text => (text.startsWith('$') || isIdentity(text) ? [text] : [keyOf(text)]),
    allowed: 'an API key, its key in a refusal, or the owner of a verified key as byIdentity() writes it',
  }
}

/** Whether a text is nothing but lengths, each with a part of that length. */
function isComposed(text: string): boolean {
  let rest = text
  while (rest !== '') {
    const length = /^[1-9]\d{0,4}(?=:)/.exec(rest)?.[0]
    if (length === undefined) return false
    const end = length.length + 1 + Number(length)
    if (end > rest.length) return false
    rest = rest.slice(end)
  }
  return true
}

function isIdentity(text: string): boolean {
  return text.startsWith('@') || text.startsWith('#')
}

/**
 * The client keys of an address in any notation, and of a network that is no wider than a client
 * key. Pipelines may differ in the width of their keys.
 */
export function clientKeysOf(text: string, trusts: readonly Trust[]): readonly string[] {
  const slash = text.lastIndexOf('/')
  const network =
    slash < 0 ? undefined : (canonicalCidr(text) ?? networkOf(text, Number(text.slice(slash + 1))))
  if (slash >= 0 && network === undefined) return []
  const address = network === undefined ? text : network.slice(0, network.indexOf('/'))
  const keys = new Set<string>()
  for (const trust of trusts) {
    const { key } = trust.resolve(address, undefined)
    if (key !== undefined && (network === undefined || prefixOf(network) >= prefixOf(key))) keys.add(key)
  }
  return [...keys]
}

/** How many bits of an address a client key or a network names. */
function prefixOf(text: string): number {
  const slash = text.indexOf('/')
  return slash < 0 ? 32 : Number(text.slice(slash + 1))
}
