import { Connection } from './connection.js'

/** Keep-alive connections to one server. */
export class Load {
  readonly connections: readonly Connection[]

  private constructor(connections: readonly Connection[]) {
    this.connections = connections
  }

  /**
   * Opens the connections and sends one request over each, so that what is measured afterwards
   * holds no set-up.
   *
   * @param requests each connection sends one of them
   */
  static async open(port: number, connections: number, requests: readonly Buffer[]): Promise<Load> {
    const requestOf = (i: number) => requests[i % requests.length] as Buffer
    const load = new Load(
      await Promise.all(Array.from({ length: connections }, (_, i) => Connection.open(port, requestOf(i)))),
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
