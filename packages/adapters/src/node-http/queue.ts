import type { Socket } from 'node:net'

interface Queued {
  close(): void
}

const QUEUE = Symbol('palisade.queue')

/**
 * The requests of a connection whose responses wait for their turn (pipelining). Such a response has no socket yet, and never closes if the socket dies
 * meanwhile. One listener serves all of a connection, since a client decides how many there are.
 */
export function queueOf(socket: Socket & { [QUEUE]?: Set<Queued> }): Set<Queued> {
  const known = socket[QUEUE]
  if (known !== undefined) return known
  const queue = new Set<Queued>()
  socket[QUEUE] = queue
  socket.once('close', () => {
    for (const one of queue) one.close()
    queue.clear()
  })
  return queue
}
