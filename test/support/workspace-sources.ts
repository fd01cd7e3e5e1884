import { fileURLToPath } from 'node:url'
import type { Plugin } from 'esbuild'

const packages = fileURLToPath(new URL('../../packages/', import.meta.url))

/**
 * Bundles the sources of the workspace's packages, as vitest runs them, where a test starts a
 * program of its own.
 */
export const workspaceSources: Plugin = {
  name: 'workspace-sources',
  setup({ onResolve }) {
    onResolve({ filter: /^@palisade\// }, ({ path }) => {
      const [, name, door = 'index'] = path.split('/')
      return { path: `${packages}${name}/src/${door}.ts` }
    })
  },
}
