import { type OptionPath, refuse, within } from '@palisade/core/middleware'
import { JwksFetcher } from './fetch-jwks.js'
import type { CheckedIssuer } from './issuer-options.js'
import { jsonClient } from './json-client.js'
import { discoveredLocation, keysUrl, knownLocation } from './key-location.js'
import { localKeys } from './key-set.js'
import { type KeySource, sharedSecrets, singleKey } from './keys.js'
import { PUBLIC_ALGORITHMS, publicKey } from './public-key.js'
import { RemoteKeys } from './remote-keys.js'
import { HMAC_ALGORITHMS, secretList } from './secret.js'

const KEY_OPTIONS = ['secret', 'publicKey', 'jwks', 'jwksUri', 'discovery'] as const

export interface IssuerKeys {
  readonly keys: KeySource
  readonly algorithms: readonly string[]
}

/** @throws ConfigError unless there is exactly one source of keys, and it is right */
export function compileKeys(checked: CheckedIssuer, at: OptionPath): IssuerKeys {
  const given = KEY_OPTIONS.filter(name => checked[name] !== undefined)
  const [kind] = given
  if (kind === undefined || given.length > 1) {
    refuse(
      within(at, given[1] ?? 'jwksUri'),
      checked[given[1] ?? 'jwksUri'],
      `exactly one of ${KEY_OPTIONS.join(', ')}`,
    )
  }
  const here = within(at, kind)
  switch (kind) {
    case 'secret': {
      if (checked.algorithms === undefined)
        return refuse(within(at, 'algorithms'), undefined, 'required with a secret, such as ["HS256"]')
      const algorithms = onlyOf(HMAC_ALGORITHMS, checked.algorithms, 'a secret', at)
      return { keys: sharedSecrets(secretList(checked.secret, algorithms, here)), algorithms }
    }
    case 'publicKey': {
      const { key, algorithms } = publicKey(checked.publicKey, here)
      return { keys: singleKey(key), algorithms: onlyOf(algorithms, checked.algorithms, 'this key', at) }
    }
    case 'jwks':
      return publicKeys(localKeys(checked.jwks, here))
    case 'jwksUri':
    case 'discovery': {
      const location =
        kind === 'jwksUri'
          ? knownLocation(keysUrl(checked.jwksUri, checked.insecureHosts ?? [], here))
          : discoveredLocation(checked, here)
      const client = jsonClient(checked.fetch, checked.dispatcher)
      return publicKeys(new RemoteKeys(new JwksFetcher(location, client, checked.jwksTimeout)))
    }
  }

  function publicKeys(keys: KeySource): IssuerKeys {
    return { keys, algorithms: onlyOf(PUBLIC_ALGORITHMS, checked.algorithms, 'public keys', at) }
  }
}

/**
 * Algorithms of secrets and of public keys are never mixed: that is how a public key becomes a
 * secret.
 */
function onlyOf(
  possible: readonly string[],
  chosen: readonly string[] | undefined,
  what: string,
  at: OptionPath,
): readonly string[] {
  chosen?.forEach((algorithm, index) => {
    if (!possible.includes(algorithm))
      refuse(
        within(within(at, 'algorithms'), index),
        algorithm,
        `what ${what} can verify: ${possible.join(', ')}`,
      )
  })
  return chosen ?? possible
}
