import { ALPHABET, ANY_TEXT, type Characters, NOTHING, type Node } from './node.js'

/** The texts that a pattern may match. Its source is valid, since it is that of a `RegExp`. */
export function parse(pattern: RegExp): Node {
  return new Parser(pattern.source, pattern.flags).choice()
}

const OPENING = /\((?:\?(?:<?[=!]|<[^>]*>|[a-z-]*:))?/y
const QUANTIFIER = /(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??/y
const BACK_REFERENCE = /\\(?:[1-9]\d*|k<[^>]*>)/y
const ESCAPE = /\\(?:x[\da-f]{2}|u[\da-f]{4}|c[a-z]|[\s\S])/iy
const UNICODE_ESCAPE = /\\(?:u\{[\da-f]+\}|p\{[^}]*\})/iy

class Parser {
  private readonly source: string
  private readonly flags: string
  private at = 0

  constructor(source: string, flags: string) {
    this.source = source
    this.flags = flags
  }

  choice(): Node {
    const branches = [this.sequence()]
    while (this.source[this.at] === '|') {
      this.at++
      branches.push(this.sequence())
    }
    return branches.length === 1 ? (branches[0] as Node) : { kind: 'choice', branches }
  }

  private sequence(): Node {
    const parts: Node[] = []
    while (this.at < this.source.length && !'|)'.includes(this.source[this.at] as string))
      parts.push(this.quantified(this.atom()))
    return { kind: 'sequence', parts }
  }

  private quantified(node: Node): Node {
    const match = this.take(QUANTIFIER)
    if (match === undefined) return node
    const [text, least, comma, most] = match
    if (least === undefined) {
      const max = text.startsWith('?') ? 1 : Number.POSITIVE_INFINITY
      return { kind: 'repeat', node, min: text.startsWith('+') ? 1 : 0, max }
    }
    const min = Number(least)
    const open = most === undefined || most === '' ? Number.POSITIVE_INFINITY : Number(most)
    return { kind: 'repeat', node, min, max: comma === undefined ? min : open }
  }

  private atom(): Node {
    const c = this.source[this.at]
    if (c === '(') return this.group()
    if (c === '^' || c === '$') {
      this.at++
      return NOTHING
    }
    if (this.take(BACK_REFERENCE) !== undefined) return ANY_TEXT
    const text = c === '[' ? this.classText() : this.characterText()
    return text === '\\b' || text === '\\B' ? NOTHING : { kind: 'character', set: this.setOf(text) }
  }

  private group(): Node {
    const opening = this.take(OPENING)?.[0] ?? ''
    const inside = this.choice()
    this.at++
    return /[=!]$/.test(opening) ? NOTHING : inside
  }

  private characterText(): string {
    const unicode = /[uv]/.test(this.flags) ? this.take(UNICODE_ESCAPE) : undefined
    return (unicode ?? this.take(ESCAPE))?.[0] ?? (this.source[this.at++] as string)
  }

  /** From one bracket to the other. With the flag v there are classes in classes. */
  private classText(): string {
    const start = this.at
    let depth = 0
    do {
      const c = this.source[this.at++]
      if (c === '\\') this.at++
      else if (c === '[' && (depth === 0 || this.flags.includes('v'))) depth++
      else if (c === ']') depth--
    } while (depth > 0)
    return this.source.slice(start, this.at)
  }

  /**
   * JavaScript itself is asked. Browsers send lower case, so an upper-case letter is its lower one.
   */
  private setOf(text: string): Characters {
    const one = new RegExp(`^(?:${text})$`, this.flags)
    return new Set(ALPHABET.filter(c => one.test(c) || one.test(c.toUpperCase())))
  }

  private take(token: RegExp): RegExpExecArray | undefined {
    const sticky = new RegExp(token)
    sticky.lastIndex = this.at
    const match = sticky.exec(this.source)
    if (match !== null) this.at = sticky.lastIndex
    return match ?? undefined
  }
}
