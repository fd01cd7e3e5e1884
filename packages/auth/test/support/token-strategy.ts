import { makeIdentity, type Strategy, type VerifyResult } from '../../src/index.js'

/**
 * A strategy whose credential says what comes of it: `x-<name>: ada` is Ada, `wrong:s` is a wrong
 * secret `s`, and so on.
 */
export function wordStrategy(
  name: string,
  changes: Partial<Strategy<{ word: string }>> = {},
): Strategy<{ word: string }> {
  return {
    name,
    scheme: 'Word',
    extract(ctx) {
      const word = ctx.header(`x-${name}`)
      if (word === undefined) return null
      return word === 'malformed' ? 'malformed' : { word }
    },
    verify: ({ word }) => resultOf(name, word),
    secretOf: ({ word }) => word,
    challenge: failure => `Word realm="${name}"${failure === undefined ? '' : `, error="${failure}"`}`,
    ...changes,
  }
}

export function resultOf(method: string, word: string): VerifyResult {
  const [kind] = word.split(':') as [string]
  switch (kind) {
    case 'wrong':
      return { outcome: 'invalid', failure: 'invalid', reason: 'wrong', subject: 'ada' }
    case 'expired':
      return { outcome: 'invalid', failure: 'expired', reason: 'expired' }
    case 'forbidden':
      return { outcome: 'refused', status: 403, message: 'Not from here', reason: 'place', isViolation: true }
    case 'exhausted':
      return {
        outcome: 'refused',
        status: 429,
        message: 'Too often',
        reason: 'quota',
        retryAfterSeconds: 7,
        isViolation: false,
      }
    case 'down':
      return { outcome: 'error', error: new Error('secret-host'), reason: 'down' }
    default:
      return { outcome: 'authenticated', identity: makeIdentity({ subject: kind, method }) }
  }
}
