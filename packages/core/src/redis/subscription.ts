import type { RedisSubscription } from './client.js'

/**
 * A subscription around the steps that open and close its connection.
 *
 * @param open connects and subscribes; its listener is not heard after `close`
 * @param end drops the connection; its errors and rejections are ignored
 */
export function subscription(
  listener: (message: string) => void,
  open: (deliver: (message: string) => void) => Promise<unknown>,
  end: () => unknown,
): RedisSubscription {
  let closed = false
  const ready = open(message => {
    if (!closed) listener(message)
  }).then(() => {})
  ready.catch(() => {})
  return {
    ready,
    close() {
      if (closed) return
      closed = true
      Promise.resolve()
        .then(end)
        .catch(() => {})
    },
  }
}
