import { documentedSpecifiers } from '../lib/documented.mjs'
import { packageOf } from '../lib/files.mjs'
import { publicPackages } from '../lib/root.mjs'

/** A path that a README tells people to import is one that the package exports. */
export function documentedImports() {
  const exported = new Map(
    publicPackages().map(({ manifest }) => [manifest.name, Object.keys(manifest.exports ?? {})]),
  )
  return documentedSpecifiers()
    .filter(({ specifier }) => {
      const name = packageOf(specifier)
      return !exported.get(name)?.includes(`.${specifier.slice(name.length)}`)
    })
    .map(({ file, line, specifier }) => `${file}:${line} imports ${specifier}, which no package exports`)
}
