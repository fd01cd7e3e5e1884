import { type FileHandle, open, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { basename, dirname } from 'node:path'

/**
 * A socket file that takes connections as long as its process lives. Every process of the machine
 * can ask it, in whatever container: the kernel refuses a connection to one whose process is gone.
 */
export class Pulse {
  readonly #path: string
  readonly #server: Server

  private constructor(path: string, server: Server) {
    this.#path = path
    this.#server = server
  }

  /** `undefined` where the file system or the length of the name allows none. */
  static async begin(path: string): Promise<Pulse | undefined> {
    const server = createServer(asker => asker.destroy()).unref()
    try {
      await within(path, address => {
        // In a cluster the primary would bind it, which may outlive this process.
        server.listen({ path: address, exclusive: true })
        return settled(server, 'listening')
      })
    } catch {
      server.close()
      return undefined
    }
    server.on('error', () => {})
    return new Pulse(path, server)
  }

  /**
   * Whether the process that has begun it is gone, for certain. Only of use on the machine where it
   * was begun.
   */
  static async hasStopped(path: string): Promise<boolean> {
    try {
      await within(path, async address => {
        const asker = connect({ path: address })
        await settled(asker, 'connect').finally(() => asker.destroy())
      })
      return false
    } catch (error) {
      return (error as { code?: unknown }).code === 'ECONNREFUSED'
    }
  }

  async stop(): Promise<void> {
    await new Promise(done => this.#server.close(done))
    await rm(this.#path, { force: true })
  }
}

/**
 * unix(7): an address has 108 bytes, which is less than a path may have; by its folder it is short
 * on Linux.
 */
const LONGEST = 100

async function within(path: string, act: (address: string) => Promise<void>): Promise<void> {
  const folder: FileHandle = await open(dirname(path), 'r')
  try {
    const address = `/proc/self/fd/${folder.fd}/${basename(path)}`
    if (Buffer.byteLength(address) > LONGEST) throw new Error('the name is too long for a socket')
    await act(address)
  } finally {
    await folder.close()
  }
}

const settled = (emitter: Server | ReturnType<typeof connect>, name: string): Promise<void> =>
  new Promise((done, failed) => {
    emitter.once(name, done)
    emitter.once('error', failed)
  })
