import { type Answered, type Client, type ClientRequest, type Exchange, whole } from './client.js'
import { Connection } from './connection.js'

/** A client that opens a connection for each request. */
export function socketClient(port: number, options: { host: string; tls: boolean }): Client {
  const connect = () => Connection.open(port, options)
  return {
    port,
    connect,
    async send(request: ClientRequest): Promise<Answered> {
      const connection = await connect()
      connection.send(request)
      const live = await connection.receive(request.method)
      const { body, complete } = await whole(live)
      const closed = await connection.ends()
      connection.leave()
      return { status: live.status, lines: live.lines, body, complete, closed }
    },
    start(request: ClientRequest): Exchange {
      const opened = connect()
      const head = opened.then(connection => {
        connection.send(request)
        return connection.receive(request.method)
      })
      // A client that leaves does not read the answer.
      head.catch(() => {})
      return { head, leave: () => void opened.then(connection => connection.leave()) }
    },
  }
}
