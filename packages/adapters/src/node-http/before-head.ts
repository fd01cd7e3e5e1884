import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { mergeVary } from '../vary.js'
import { gathers, isVary } from './headers.js'

type WriteHead = (this: ServerResponse, status: number, reason?: unknown, head?: unknown) => ServerResponse

/**
 * What must be true of a response's headers when its head is written, whatever the handler, a proxy
 * or the host set until then (`setHeader`, `reply.header`, `writeHead`).
 */
export class BeforeHead {
  /** The members that the pipeline added to `Vary`. */
  private vary: string | undefined = undefined
  /** The lines that the pipeline added as `Set-Cookie`. */
  private cookies: readonly string[] = NONE
  private isExpressHidden = false

  constructor(res: ServerResponse) {
    // A logger in front of the host may have replaced it.
    const writeHead = res.writeHead as unknown as WriteHead
    res.writeHead = preparing(this, writeHead) as unknown as ServerResponse['writeHead']
  }

  /**
   * Keeps a member of `Vary`, or a line of `Set-Cookie`, so that it is sent beside those of others.
   */
  gather(name: string, value: string): void {
    if (isVary(name)) this.vary = this.vary === undefined ? value : mergeVary(this.vary, value)
    else this.cookies = [...this.cookies, value]
  }

  /** The pipeline itself takes the field back. */
  forget(name: string): void {
    if (isVary(name)) this.vary = undefined
    else this.cookies = NONE
  }

  /**
   * Removes the `X-Powered-By` of Express: a sub-app sets it again when it is reached. A value of
   * the team's own stays.
   */
  hideExpress(): void {
    this.isExpressHidden = true
  }

  prepare(res: ServerResponse): void {
    const { vary, cookies, isExpressHidden } = this
    if (isExpressHidden && res.getHeader(POWERED_BY) === 'Express') res.removeHeader(POWERED_BY)
    if (vary !== undefined) {
      const present = res.getHeader('vary')
      if (present !== vary) gatherVary(res, vary, present)
    }
    if (cookies.length > 0) gatherCookies(res, cookies)
  }
}

const NONE: readonly string[] = Object.freeze([])

function preparing(before: BeforeHead, writeHead: WriteHead): WriteHead {
  return function (status, reason, head) {
    const fields = typeof reason === 'string' ? head : (head ?? reason)
    if (!hasGathering(fields)) {
      before.prepare(this)
      return writeHead.call(this, status, reason, head)
    }
    // Otherwise the fields of the head would replace what is pending.
    setFields(this, fields)
    before.prepare(this)
    return writeHead.call(this, status, typeof reason === 'string' ? reason : undefined)
  }
}

type Fields = OutgoingHttpHeaders | readonly unknown[]

/** Whether the fields of `writeHead` name one that gathers, or the one that is hidden. */
function hasGathering(fields: unknown): fields is Fields {
  if (typeof fields !== 'object' || fields === null) return false
  if (Array.isArray(fields)) return fields.some((name, i) => i % 2 === 0 && isPrepared(String(name)))
  for (const name in fields) if (isPrepared(name)) return true
  return false
}

const isPrepared = (name: string) => gathers(name) || isPoweredBy(name)

const isPoweredBy = (name: string) => name.length === POWERED_BY.length && name.toLowerCase() === POWERED_BY

const POWERED_BY = 'x-powered-by'

/** As `writeHead` does it: names and values by turns, or an object. */
function setFields(res: ServerResponse, fields: Fields): void {
  if (!Array.isArray(fields)) {
    for (const [name, value] of Object.entries(fields)) res.setHeader(name, value as string)
    return
  }
  for (let i = 0; i < fields.length; i += 2) res.removeHeader(String(fields[i]))
  for (let i = 0; i + 1 < fields.length; i += 2) res.appendHeader(String(fields[i]), fields[i + 1] as string)
}

function gatherVary(res: ServerResponse, vary: string, present: unknown): void {
  const merged = mergeVary(vary, present === undefined ? vary : String(present))
  if (merged !== present) res.setHeader('Vary', merged)
}

function gatherCookies(res: ServerResponse, cookies: readonly string[]): void {
  const lines = [res.getHeader('Set-Cookie') ?? []].flat().map(String)
  const missing = cookies.filter(cookie => !lines.includes(cookie))
  if (missing.length > 0) res.setHeader('Set-Cookie', [...missing, ...lines])
}
