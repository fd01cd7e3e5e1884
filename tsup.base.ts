import { defineConfig, type Options } from 'tsup'

/** How every member of the workspace is built; `entry` is what it offers. */
export const build = (entry: NonNullable<Options['entry']>, more: Options = {}) =>
  defineConfig({
    entry,
    format: 'esm',
    target: 'es2022',
    tsconfig: 'tsconfig.build.json',
    clean: true,
    // Deno and edge platforms know `node:fs`, not `fs`.
    removeNodeProtocol: false,
    ...more,
  })

export const library = (entry: NonNullable<Options['entry']>) => build(entry, { dts: true })
