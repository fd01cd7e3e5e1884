import { toFetch } from '@palisade/adapters/fetch'
import { type Outcome, pipeline } from '@palisade/core'
import { expect, test } from 'vitest'

test.each([
  ['of a number', '2', 2],
  ['of words', 'many', undefined],
  ['that is empty', '', undefined],
  ['below nothing', '-2', undefined],
  ['in another notation', '0x2', undefined],
  ['that no number holds', '9'.repeat(20), undefined],
])(
  'given a handler that tells a length %s when it answers then the outcome has it only if it is one',
  async (_title, length, told) => {
    const outcomes: Outcome[] = []
    const serve = toFetch(
      pipeline().use({ name: 'sees', onResponse: (_ctx, outcome) => void outcomes.push(outcome) }),
      () => new Response('ok', { headers: { 'Content-Length': length } }),
    )
    await (await serve(new Request('http://localhost/'))).text()
    expect(outcomes.map(({ responseBytes }) => responseBytes)).toEqual([told])
  },
)
