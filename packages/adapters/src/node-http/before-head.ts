import { type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { mergeVary } from '../vary.js'
import { gathers, isVary } from './headers.js'

/**
 * What must be true of a response's headers when its head is written, whatever the handler, a proxy or the
 * host set until then (`setHeader`, `reply.header`, `writeHead`).
 */
interface Pending {
  /** The members that the pipeline added to `Vary`. */
  vary: string | undefined
  /** The lines that the pipeline added as `Set-Cookie`. */
  cookies: readonly string[]
  /** Whether an `X-Powered-By` of Express is removed. A sub-app sets it again when it is reached. */
  isExpressHidden: boolean
}

type WriteHead = (this: ServerResponse, status: number, reason?: unknown, head?: unknown) => ServerResponse

const PENDING = Symbol('palisade.pending')

type Prepared = ServerResponse & { [PENDING]?: Pending }

/** Keeps a member of `Vary`, or a line of `Set-Cookie`, so that it is sent beside those of others. */
export function gatherOnWrite(res: ServerResponse, name: string, value: string): void {
  const pending = pendingOf(res)
  if (isVary(name)) pending.vary = pending.vary === undefined ? value : mergeVary(pending.vary, value)
  else pending.cookies = [...pending.cookies, value]
}

/** The pipeline itself takes the field back. */
export function forgetGathered(res: Prepared, name: string): void {
  const pending = res[PENDING]
  if (pending === undefined) return
  if (isVary(name)) pending.vary = undefined
  else pending.cookies = NONE
}

/** A value of the team's own stays. */
export function hideExpress(res: ServerResponse): void {
  pendingOf(res).isExpressHidden = true
}

function pendingOf(res: Prepared): Pending {
  const known = res[PENDING]
  if (known !== undefined) return known
  const pending = { vary: undefined, cookies: NONE, isExpressHidden: false }
  res[PENDING] = pending
  const { writeHead } = res as unknown as { writeHead: WriteHead }
  // A logger in front of the host may have replaced it. Most often it is Node's, and no function is made.
  const preparing = writeHead === NODES ? PREPARE_THEN_NODES : prepareThen(writeHead)
  res.writeHead = preparing as ServerResponse['writeHead']
  return pending
}

const NONE: readonly string[] = Object.freeze([])

function prepareThen(writeHead: WriteHead): WriteHead {
  return function (status, reason, head) {
    const fields = typeof reason === 'string' ? head : (head ?? reason)
    if (!hasGathering(fields)) {
      prepare(this)
      return writeHead.call(this, status, reason, head)
    }
    // Otherwise the fields of the head would replace what is pending.
    setFields(this, fields)
    prepare(this)
    return writeHead.call(this, status, typeof reason === 'string' ? reason : undefined)
  }
}

const { writeHead: NODES } = ServerResponse.prototype as unknown as { writeHead: WriteHead }
const PREPARE_THEN_NODES = prepareThen(NODES)

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
    for (const [name, value] of Object.entries(fields as OutgoingHttpHeaders))
      if (value !== undefined) res.setHeader(name, value)
    return
  }
  for (let i = 0; i < fields.length; i += 2) res.removeHeader(String(fields[i]))
  for (let i = 0; i + 1 < fields.length; i += 2) res.appendHeader(String(fields[i]), fields[i + 1] as string)
}

function prepare(res: Prepared): void {
  const pending = res[PENDING]
  if (pending === undefined) return
  const { vary, cookies, isExpressHidden } = pending
  if (isExpressHidden && res.getHeader(POWERED_BY) === 'Express') res.removeHeader(POWERED_BY)
  if (vary !== undefined) {
    const present = res.getHeader('vary')
    if (present !== vary) gatherVary(res, vary, present)
  }
  if (cookies.length > 0) gatherCookies(res, cookies)
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
