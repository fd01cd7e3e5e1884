import { expect, it } from 'vitest'
import { otherDialect, privateMembers } from '../check/private-members.mjs'

it('given a class, when its members are read, then those that are hidden without # are found', () => {
  const source = [
    'class Jail {',
    '  readonly #sources: Set<string>',
    '  private readonly window: number',
    '  readonly _paths = new Map()',
    '  private constructor(window: number) {',
    '  private forget(): void {',
    '  _forget(): void {',
    '  constructor(private readonly name: string) {',
    '    const [, _] = pair',
    '  // private networks',
  ]
  expect(otherDialect(source.join('\n'))).toEqual([3, 4, 6, 7, 8])
})

it('given the packages with one dialect, when their classes are read, then all members are hidden with #', () => {
  expect(privateMembers()).toEqual([])
})
