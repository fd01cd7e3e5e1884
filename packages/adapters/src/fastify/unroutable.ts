import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/**
 * Fastify answers some requests before any hook: a target that cannot be decoded (400) and a parameter over `maxParamLength` (414). A client
 * could send these without end and never be counted, so what looks like one is given to `admit` first, on Node's own server.
 *
 * It may be given a request that Fastify does route; the pipeline then runs here, and not again in the hook. A second server that
 * Fastify opens for `localhost` is not reached.
 */
export function admitUnroutable(
  server: Server,
  longestParameter: number,
  admit: (req: IncomingMessage, res: ServerResponse, pass: () => void) => void,
): void {
  const { emit } = server
  server.emit = function (this: Server, ...event: [name: string, ...unknown[]]): boolean {
    // All of Node's events pass here: read by index and handed on as they came, they cost nothing.
    if (event[0] === 'request') {
      const req = event[1] as IncomingMessage
      if (!isRoutable(req.url ?? '/', longestParameter)) {
        admit(req, event[2] as ServerResponse, () => Reflect.apply(emit, this, event))
        return true
      }
    }
    return Reflect.apply(emit, this, event)
  } as typeof server.emit
}

function isRoutable(target: string, longestParameter: number): boolean {
  const hasEscapes = target.includes('%')
  if (!hasEscapes && target.length <= longestParameter) return true
  const query = target.search(/[?;#]/)
  const path = query < 0 ? target : target.slice(0, query)
  if (path.split('/').some(segment => segment.length > longestParameter)) return false
  if (!hasEscapes) return true
  try {
    decodeURI(path)
    return true
  } catch {
    return false
  }
}
