import { builtinModules, isBuiltin } from 'node:module'
import { build } from 'esbuild'
import { expect, inject, it } from 'vitest'

const consumer = inject('consumer')

/** Entries that run wherever `fetch` runs: in a browser's worker, at an edge, in Deno. */
const neutral = ['@palisade/core', '@palisade/adapters/fetch', '@palisade/adapters/hono']

it.each(neutral)(
  'given a platform without Node, when %s is bundled for it, then nothing of Node is left',
  async specifier => {
    const { metafile } = await build({
      stdin: { contents: `export * from '${specifier}'`, resolveDir: consumer },
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'neutral',
      logLevel: 'silent',
      // Left in the bundle, so that the failure names the file that imports it instead of ending
      // the build.
      external: ['node:*', ...builtinModules],
    })
    const left = Object.entries(metafile.inputs).flatMap(([file, { imports }]) =>
      imports.filter(({ path }) => isBuiltin(path)).map(({ path }) => `${file} imports ${path}`),
    )
    expect(left).toEqual([])
    expect(Object.values(metafile.outputs).flatMap(({ exports }) => exports)).not.toEqual([])
  },
)
