import { existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { filesBelow } from './files.mjs'
import { members, root } from './root.mjs'

const FENCE = /^```(?:ts|tsx|typescript|js|jsx|javascript|mjs|cjs)\b[^\n]*\n([\s\S]*?)^```/gm
const SPECIFIER = /(?:\bfrom\s+|\bimport\s+|\bimport\(|\brequire\()(['"])(@palisade\/[^'"]+)\1/g

/**
 * The code that the READMEs and guides show, block by block.
 *
 * @returns {{ file: string, line: number, code: string }[]}
 */
export function documentedCode() {
  const files = [
    join(root, 'README.md'),
    ...filesBelow(join(root, 'docs'), /\.md$/),
    ...[...members('packages'), ...members('apps')].map(({ directory }) => join(directory, 'README.md')),
  ].filter(file => existsSync(file))
  return files.flatMap(file => {
    const text = readFileSync(file, 'utf8')
    return [...text.matchAll(FENCE)].map(match => ({
      file: relative(root, file),
      line: text.slice(0, match.index).split('\n').length + 1,
      code: match[1] ?? '',
    }))
  })
}

/** Every import of a Palisade package that the documentation shows. */
export const documentedSpecifiers = () =>
  documentedCode().flatMap(({ file, line, code }) =>
    [...code.matchAll(SPECIFIER)].map(match => ({
      file,
      line: line + code.slice(0, match.index).split('\n').length - 1,
      specifier: match[2] ?? '',
    })),
  )
