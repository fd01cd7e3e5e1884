import { ServerResponse } from 'node:http'

type WriteHead = (this: ServerResponse, ...args: unknown[]) => ServerResponse

/**
 * A sub-app of Express sets `X-Powered-By` again when it is reached, so the header is taken away when the head
 * is written. A value of the team's own stays.
 */
export function removePoweredBy(res: ServerResponse): void {
  const { writeHead } = res as unknown as { writeHead: WriteHead }
  if (writeHead === BARE_THEN_NODES) return
  // Most often it is Node's own, and no function need be made.
  const bare = writeHead === NODES ? BARE_THEN_NODES : bareThen(writeHead)
  res.writeHead = bare as ServerResponse['writeHead']
}

function bareThen(writeHead: WriteHead): WriteHead {
  return function (...args) {
    if (this.getHeader(NAME) === 'Express') this.removeHeader(NAME)
    return writeHead.apply(this, args)
  }
}

const NAME = 'X-Powered-By'
const { writeHead: NODES } = ServerResponse.prototype as unknown as { writeHead: WriteHead }
const BARE_THEN_NODES = bareThen(NODES)
