import type { Connection } from './connection.js'

export interface ClientRequest {
  /** Default `GET`. */
  readonly method?: string
  /** The target as it stands in the request line. Default `/`. */
  readonly target?: string
  /** A list is several lines. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** A list is sent in chunks, without a length. */
  readonly body?: string | readonly string[]
}

export type HeaderLine = readonly [name: string, value: string]

/** The beginning of an answer, and the rest of it as it comes. */
export interface Live {
  readonly status: number
  /** As sent; in lower case where there is no socket. */
  readonly lines: readonly HeaderLine[]
  /** The next part of the body; `undefined` at its end. Rejects when it was cut short. */
  next(): Promise<string | undefined>
}

/** A whole answer. */
export interface Answered {
  readonly status: number
  readonly lines: readonly HeaderLine[]
  readonly body: string
  /** Whether the body ended as it said it would. */
  readonly complete: boolean
  /** Whether the server closed the connection; `undefined` if there is no connection. */
  readonly closed: boolean | undefined
}

export interface Exchange {
  /** Rejects when the connection ends before there is an answer. */
  readonly head: Promise<Live>
  /** The client goes away at once. */
  leave(): void
}

export interface Client {
  send(request: ClientRequest): Promise<Answered>
  start(request: ClientRequest): Exchange
  /** A connection on which anything can be written. Where there is no socket, throws. */
  connect(): Promise<Connection>
  readonly port: number
}

export async function whole(live: Live): Promise<{ body: string; complete: boolean }> {
  let body = ''
  try {
    for (let part = await live.next(); part !== undefined; part = await live.next()) body += part
    return { body, complete: true }
  } catch {
    return { body, complete: false }
  }
}

export function header(answer: { readonly lines: readonly HeaderLine[] }, name: string): string[] {
  const wanted = name.toLowerCase()
  return answer.lines.filter(([given]) => given.toLowerCase() === wanted).map(([, value]) => value)
}
