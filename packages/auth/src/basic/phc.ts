/** The cost of scrypt (RFC 7914 section 2): memory is 128 * 2^ln * r bytes. */
export interface ScryptCost {
  /** The logarithm of N to base 2. */
  readonly ln: number
  readonly r: number
  readonly p: number
}

export interface PasswordHash extends ScryptCost {
  readonly salt: Buffer
  readonly hash: Buffer
}

/**
 * What a stored hash may ask for at most: a database that was written to must not stop the server.
 */
const MOST = { ln: 20, r: 32, p: 16, memory: 1_073_741_824 }
const FORM =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/

/** `$scrypt$ln=17,r=8,p=1$<salt>$<hash>`: the PHC string format, base64 without padding. */
export function formatPhc({ ln, r, p, salt, hash }: PasswordHash): string {
  const encode = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  return `$scrypt$ln=${ln},r=${r},p=${p}$${encode(salt)}$${encode(hash)}`
}

/** `undefined` for another algorithm, another form, and a cost that is too high to pay. */
export function parsePhc(text: string): PasswordHash | undefined {
  const [, ln, r, p, salt = '', hash = ''] = FORM.exec(text) ?? []
  const parsed: PasswordHash = {
    ln: Number(ln),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  }
  return isPayable(parsed) && parsed.hash.length >= 16 ? parsed : undefined
}

function isPayable({ ln, r, p }: ScryptCost): boolean {
  return (
    ln >= 1 &&
    ln <= MOST.ln &&
    r >= 1 &&
    r <= MOST.r &&
    p >= 1 &&
    p <= MOST.p &&
    memoryOf({ ln, r, p }) <= MOST.memory
  )
}

export const memoryOf = ({ ln, r, p }: ScryptCost) => 128 * r * (2 ** ln + p)

/** The work of scrypt grows with each of the three (RFC 7914 section 6). */
export const workOf = ({ ln, r, p }: ScryptCost) => 2 ** ln * r * p

/**
 * The costs that together make up an amount of work, with no more memory than `like` takes: N is a
 * power of two, so they are the bits of the amount. A rest that no N makes up, below two blocks, is
 * left.
 */
export function costsOf(work: number, like: ScryptCost): readonly ScryptCost[] {
  const costs: ScryptCost[] = []
  const { r } = like
  let rest = Math.floor(work / r)
  while (rest >= 2) {
    const ln = Math.min(like.ln, Math.floor(Math.log2(rest)))
    const p = Math.min(MOST.p, Math.floor(rest / 2 ** ln))
    costs.push({ ln, r, p })
    rest -= 2 ** ln * p
  }
  return costs
}
