import { type Outcome, pipeline } from '@palisade/core'
import { HostContext } from '@palisade/core/host'
import { expect, test } from 'vitest'

/** A request of a host that answers nothing when a response has ended, as fake responses do. */
class BrokenHost extends HostContext {
  readonly method = 'GET'
  readonly url = '/'
  readonly peer = '203.0.113.9'
  readonly raw = {}
  protected readonly encrypted = false
  header(): undefined {}
  headers(): [] {
    return []
  }
  setHeader(): void {}
  removeHeader(): void {}
  appendHeader(): void {}
  async bytes(): Promise<Uint8Array> {
    return new Uint8Array()
  }
  async *body(): AsyncGenerator<Uint8Array> {}
  async peek(): Promise<{ bytes: Uint8Array; complete: boolean }> {
    return { bytes: new Uint8Array(), complete: true }
  }
  protected watchEnd(): void {}
  get route(): string {
    throw new Error('no route')
  }
  protected override get responseBytes(): number {
    throw new Error('no length')
  }
}

test('given a host that throws when it is asked about the end when a response ends then the outcome comes all the same', () => {
  const outcomes: Outcome[] = []
  const errors: string[] = []
  const note = (fields: object) => void errors.push(String((fields as { err?: unknown }).err))
  const trust = {
    resolve() {
      throw new Error('no client')
    },
  }
  const edge = pipeline({
    trust: trust as never,
    logger: { debug() {}, info() {}, warn() {}, error: note },
  }).use({
    name: 'sees',
    onResponse: (_ctx, outcome) => void outcomes.push(outcome),
  })
  edge.events.on('request:end', () => {})
  const compiled = edge.compile()
  const ctx = new BrokenHost(compiled)
  compiled.run(ctx)
  expect(() => ctx.finish(200, false)).not.toThrow()
  expect(outcomes).toMatchObject([
    { status: 200, aborted: false, route: undefined, responseBytes: undefined },
  ])
  expect(errors).toEqual(['Error: no route', 'Error: no length', 'Error: no client'])
})
