/** What the bench asks a server process over IPC. Each question has one answer. */
export type Question = { readonly ask: 'usage' } | { readonly ask: 'profile' } | { readonly ask: 'profiled' }

export type Answer =
  /** Sent once, without a question, as soon as the server listens. */
  { readonly port: number } | Usage | { readonly profile: string } | { readonly done: true }

export interface Usage {
  /** Of the process since it began, user and system together. */
  readonly cpuMicroseconds: number
  /** Memory that it holds now. */
  readonly residentBytes: number
}
