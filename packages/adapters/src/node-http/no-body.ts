import { checkLimit } from '../body-errors.js'

/**
 * The body of an upgrade: what the client sends belongs to the other protocol. Node may never say
 * that it ended.
 */
export async function noBytes(limit: number): Promise<Uint8Array> {
  checkLimit(limit)
  return new Uint8Array()
}

export async function* noBody(): AsyncGenerator<Uint8Array> {}
