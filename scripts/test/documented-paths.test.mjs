import { expect, it } from 'vitest'
import { documentedPaths, pathsIn } from '../check/documented-paths.mjs'

it('given a page, when its paths are read, then they are those in backticks without a placeholder', () => {
  const page = '`packages/core/src` `errors/thrown.ts` `packages/<name>/src` `ctx.deny()` `application/json`'
  expect(pathsIn(page)).toEqual(['packages/core/src', 'errors/thrown.ts'])
})

it('given the pages of the architecture, when their paths are looked for, then each exists', () => {
  expect(documentedPaths()).toEqual([])
})
