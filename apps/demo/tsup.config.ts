import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/main.ts'],
  format: 'esm',
  target: 'es2022',
  tsconfig: 'tsconfig.build.json',
  clean: true,
  // Deno and edge platforms know `node:fs`, not `fs`.
  removeNodeProtocol: false,
})
