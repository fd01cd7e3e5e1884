import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/index.ts'],
  format: 'esm',
  target: 'es2022',
  tsconfig: 'tsconfig.build.json',
  dts: true,
  clean: true,
  // Deno and edge platforms know `node:fs`, not `fs`.
  removeNodeProtocol: false,
})
