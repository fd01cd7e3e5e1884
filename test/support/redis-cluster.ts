import { setTimeout as delay } from 'node:timers/promises'
import { freePort, type RedisServer, type RedisServerOptions, startRedis } from './redis-server.js'

/** A Redis Cluster of masters that belongs to one suite. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[]
  stop(): Promise<void>
}

const SLOTS = 16_384

/**
 * Starts masters that share the slots evenly. Resolves when every one of them says that the cluster
 * is whole.
 */
export async function startRedisCluster(
  size = 3,
  options: Pick<RedisServerOptions, 'program'> = {},
): Promise<RedisCluster> {
  const started = await Promise.allSettled(
    Array.from({ length: size }, async () => {
      // By default the bus listens 10,000 ports above, which is past the last port for many free
      // ones.
      const bus = String(await freePort())
      const args = ['--cluster-enabled', 'yes', '--cluster-port', bus]
      return { bus, server: await startRedis({ ...options, args }) }
    }),
  )
  const nodes = started.flatMap(node => (node.status === 'fulfilled' ? [node.value] : []))
  const stop = async () => {
    await Promise.all(nodes.map(node => node.server.stop()))
  }
  try {
    for (const node of started) if (node.status === 'rejected') throw node.reason
    for (const [index, { server }] of nodes.entries()) {
      const first = Math.floor((index * SLOTS) / size)
      const last = Math.floor(((index + 1) * SLOTS) / size) - 1
      await server.command('CLUSTER', 'ADDSLOTSRANGE', String(first), String(last))
      for (const other of nodes) {
        if (other.server !== server) {
          await server.command('CLUSTER', 'MEET', '127.0.0.1', String(other.server.port), other.bus)
        }
      }
    }
    for (const { server } of nodes) await whole(server, size)
  } catch (error) {
    await stop()
    throw error
  }
  return { nodes: nodes.map(node => node.server), stop }
}

async function whole(server: RedisServer, size: number): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    const info = await server.command('CLUSTER', 'INFO')
    if (info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${size}`)) return
    await delay(25)
  }
  throw new Error('The Redis Cluster did not become whole')
}
