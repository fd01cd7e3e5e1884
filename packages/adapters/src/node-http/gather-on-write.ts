import { type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { mergeVary } from '../vary.js'
import { isVary } from './headers.js'

type WriteHead = (this: ServerResponse, status: number, reason?: unknown, head?: unknown) => ServerResponse

/** What the pipeline added to the fields that gather. */
interface Gathered {
  vary: string | undefined
  cookies: readonly string[]
}

const GATHERED = Symbol('palisade.gathered')

type Gathering = ServerResponse & { [GATHERED]?: Gathered }

/**
 * Keeps a member of `Vary` or a line of `Set-Cookie` until the head is written: a handler, a proxy or the host
 * may set the field anew (`setHeader`, `reply.header`, `writeHead`), and then both are sent.
 */
export function gatherOnWrite(res: Gathering, name: string, value: string): void {
  const known = res[GATHERED]
  const gathered = known ?? { vary: undefined, cookies: [] }
  if (isVary(name)) gathered.vary = mergeVary(gathered.vary, value)
  else gathered.cookies = [...gathered.cookies, value]
  if (known !== undefined) return
  res[GATHERED] = gathered
  const { writeHead } = res as unknown as { writeHead: WriteHead }
  // A logger in front of the host may have its own; most often nobody has, and no function need be made.
  const gathering = writeHead === NODES ? GATHER_THEN_NODES : gatherThen(writeHead)
  res.writeHead = gathering as ServerResponse['writeHead']
}

/** The pipeline itself takes the field back. */
export function forgetGathered(res: Gathering, name: string): void {
  const gathered = res[GATHERED]
  if (gathered === undefined) return
  if (isVary(name)) gathered.vary = undefined
  else gathered.cookies = []
}

function gatherThen(writeHead: WriteHead): WriteHead {
  return function (status, reason, head) {
    const fields = typeof reason === 'string' ? head : (head ?? reason)
    if (typeof fields !== 'object' || fields === null) {
      gather(this)
      return writeHead.call(this, status, reason, head)
    }
    // Otherwise the fields of the head would replace what is gathered.
    setFields(this, fields as OutgoingHttpHeaders | readonly unknown[])
    gather(this)
    return writeHead.call(this, status, typeof reason === 'string' ? reason : undefined)
  }
}

const { writeHead: NODES } = ServerResponse.prototype as unknown as { writeHead: WriteHead }
const GATHER_THEN_NODES = gatherThen(NODES)

/** As `writeHead` does it: names and values by turns, or an object. */
function setFields(res: ServerResponse, fields: OutgoingHttpHeaders | readonly unknown[]): void {
  if (!Array.isArray(fields)) {
    for (const [name, value] of Object.entries(fields as OutgoingHttpHeaders))
      if (value !== undefined) res.setHeader(name, value)
    return
  }
  for (let i = 0; i < fields.length; i += 2) res.removeHeader(String(fields[i]))
  for (let i = 0; i + 1 < fields.length; i += 2) res.appendHeader(String(fields[i]), fields[i + 1] as string)
}

function gather(res: Gathering): void {
  const { vary, cookies = [] } = res[GATHERED] ?? {}
  if (vary !== undefined) {
    const present = res.getHeader('Vary')
    const merged = mergeVary(vary, present === undefined ? vary : String(present))
    if (merged !== present) res.setHeader('Vary', merged)
  }
  if (cookies.length === 0) return
  const lines = [res.getHeader('Set-Cookie') ?? []].flat().map(String)
  const missing = cookies.filter(cookie => !lines.includes(cookie))
  if (missing.length > 0) res.setHeader('Set-Cookie', [...missing, ...lines])
}
