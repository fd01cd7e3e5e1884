import { Connection } from './connection.js'
import { pageRequest } from './request.js'

/** Keep-alive connections to one server. */
export class Load {
  private readonly connections: readonly Connection[]

  private constructor(connections: readonly Connection[]) {
    this.connections = connections
  }

  /** Opens the connections and sends one request over each, so that what is measured afterwards holds no set-up. */
  static async open(port: number, connections: number): Promise<Load> {
    const request = pageRequest(port)
    const load = new Load(
      await Promise.all(Array.from({ length: connections }, () => Connection.open(port, request))),
    )
    await load.send(connections)
    return load
  }

  /** Sends so many requests over all connections together and resolves with the last answer. */
  async send(requests: number): Promise<void> {
    let left = requests
    await Promise.all(this.connections.map(connection => connection.drive(() => left-- > 0)))
  }

  close(): void {
    for (const connection of this.connections) connection.close()
  }
}
