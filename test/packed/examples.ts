/** One answer, as far as an example speaks of it. Header values are patterns. */
export interface Expected {
  readonly status: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, RegExp>>
}

/** The smallest thing that shows a package at work. A new package is one more entry. */
export interface Example {
  readonly package: string
  /** Binding to module, beside those of the host. */
  readonly imports: Readonly<Record<string, string>>
  /** The pipeline that is mounted. */
  readonly edge: string
  /** `GET /` with these request headers, one after the other, and what comes back. */
  readonly exchanges: readonly (readonly [headers: Readonly<Record<string, string>>, expected: Expected])[]
}

const hello: Expected = { status: 200, body: 'hello' }

export const examples: readonly Example[] = [
  {
    package: '@palisade/ratelimit',
    imports: { '{ pipeline }': '@palisade/core', '{ rateLimit }': '@palisade/ratelimit' },
    edge: `pipeline().use(rateLimit({ limit: 2, window: '1m' }))`,
    exchanges: [
      [{}, hello],
      [{}, hello],
      [{}, { status: 429, headers: { 'retry-after': /^[1-9]\d*$/, 'content-type': /^application\/json/ } }],
    ],
  },
]
