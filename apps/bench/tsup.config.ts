import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/main.ts', 'src/server.ts'],
  format: 'esm',
  target: 'es2022',
  clean: true,
  // Deno and edge platforms know `node:fs`, not `fs`.
  removeNodeProtocol: false,
})
