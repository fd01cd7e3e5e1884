import { existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { filesBelow } from '../lib/files.mjs'
import { root } from '../lib/root.mjs'

/** Where a path in these pages may begin. */
const BASES = ['', 'packages', 'packages/adapters/src', 'packages/adapters/test/conformance']

const DECISION = /docs\/decisions\/[\w-]+\.md/g

/**
 * A path in backticks: it has a slash, and the name of a file or a directory of the root in front.
 * One with a placeholder, `<name>`, is no path.
 *
 * @param {string} text
 */
export const pathsIn = text =>
  [...text.matchAll(/`([\w.@/-]+)`/g)].map(([, path = '']) => path).filter(path => PATH.test(path))

const PATH = /\w\/.*\.(?:[cm]?ts|mjs|json|md)$|^(?:packages|apps|test|scripts|docs)\/[a-z]/

/** Paths in the pages of the architecture, and decisions in comments, that do not exist. */
export function documentedPaths() {
  const decisions = filesBelow(join(root, 'docs/decisions'), /\.md$/)
  const pages = [join(root, 'docs/architecture.md'), ...decisions]
  const sources = filesBelow(join(root, 'packages'), /\.ts$/)
  const named = [
    ...pages.map(file => ({ file, paths: pathsIn(readFileSync(file, 'utf8')) })),
    ...sources.map(file => ({ file, paths: readFileSync(file, 'utf8').match(DECISION) ?? [] })),
  ]
  return named.flatMap(({ file, paths }) =>
    paths
      .filter(path => !BASES.some(base => existsSync(join(root, base, path))))
      .map(path => `${relative(root, file)} names ${path}, which does not exist`),
  )
}
