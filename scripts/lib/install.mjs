import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run, Stop } from './process.mjs'
import { manifestOf, members, root } from './root.mjs'

const OLDEST_NODE = [20, 19]

/** Remembers what was installed and where pnpm is, so that the next command starts at once. */
const stampFile = join(root, 'node_modules', '.palisade-install.json')

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw new Stop(
      `Node ${OLDEST_NODE.join('.')} or later is needed; this is ${process.version}. Install a newer Node and run the command again.`,
    )
  }
}

/** The exact version of pnpm that the root's package.json names. */
function pnpmVersion() {
  const version = /^pnpm@(\d+\.\d+\.\d+)/.exec(manifestOf(root).packageManager ?? '')?.[1]
  if (version === undefined) throw new Stop('package.json must name an exact pnpm in "packageManager".')
  return version
}

/**
 * npm itself as a command; `npm run` says where it is, and on Windows it cannot be spawned by name.
 */
export function npm() {
  const script = process.env['npm_execpath']
  /** @type {[string, ...string[]]} */
  const command = script?.endsWith('npm-cli.js') ? [process.execPath, script] : ['npm']
  return command
}

/**
 * The directory of the `pnpm` command, fetched through npm into npm's own cache.
 *
 * @param {string} version
 */
async function fetchPnpm(version) {
  const { code, output } = await run(
    [...npm(), 'exec', '--yes', `--package=pnpm@${version}`, '--', 'node', '-p', 'process.env.PATH'],
    { quiet: true, env: { npm_config_update_notifier: 'false' } },
  )
  const path = output.trim().split('\n').at(-1) ?? ''
  const directory = path.split(delimiter).find(entry => {
    const manifest = join(entry, '..', 'pnpm', 'package.json')
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version
  })
  if (code !== 0 || directory === undefined) {
    throw new Stop(
      `${output.trim()}\n\npnpm ${version} could not be fetched through npm. See whether \`npm exec --yes pnpm@${version} -- --version\` ` +
        'works: it needs the network once, and the proxy or registry that npm is configured for.',
    )
  }
  return directory
}

/** @param {string} file */
const read = file => (existsSync(file) ? readFileSync(file) : '')

/** Changes whenever an install could change anything, and when pnpm was run by hand in between. */
function fingerprint() {
  const hash = createHash('sha256')
  const manifests = [...members('packages'), ...members('apps')].map(member =>
    join(member.directory, 'package.json'),
  )
  for (const file of [
    join(root, 'package.json'),
    join(root, 'pnpm-workspace.yaml'),
    join(root, 'pnpm-lock.yaml'),
    join(root, 'node_modules', '.pnpm', 'lock.yaml'),
    ...manifests,
  ]) {
    hash.update(file).update(read(file))
  }
  return hash.update(process.version).digest('hex')
}

/** Whether every member that depends on something still has its links. */
const linked = () =>
  [...members('packages'), ...members('apps')].every(
    ({ directory, manifest }) =>
      Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).length === 0 ||
      existsSync(join(directory, 'node_modules')),
  )

/** @returns {{ pnpm?: string, fingerprint?: string }} */
function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'))
  } catch {
    return {}
  }
}

/** @param {string} pnpm */
async function installFromLock(pnpm) {
  const { code } = await run([
    process.execPath,
    join(pnpm, '..', 'pnpm', 'bin', 'pnpm.cjs'),
    '--dir',
    root,
    'install',
    '--frozen-lockfile',
    // Without a terminal pnpm would stop to ask whether it may replace a node_modules that another
    // pnpm made.
    '--config.confirmModulesPurge=false',
  ])
  if (code !== 0) {
    throw new Stop(
      'The install failed; pnpm says why above. If it says that the lock file is out of date, run `pnpm install` and commit pnpm-lock.yaml; ' +
        'if it could not reach the registry, see whether `npm ping` works.',
    )
  }
}

/**
 * Makes sure that the workspace is installed as its lock says, and that `pnpm` and the tools are on
 * the PATH of what is started from here. Needs Node and npm, nothing else.
 */
export async function install() {
  checkNode()
  const version = pnpmVersion()
  const stamp = readStamp()
  const known = stamp.pnpm !== undefined && existsSync(join(stamp.pnpm, 'pnpm')) ? stamp.pnpm : undefined
  const current = known !== undefined && stamp.fingerprint === fingerprint() && linked()
  const pnpm = current ? known : await fetchPnpm(version)
  process.env['PATH'] = [pnpm, join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter)
  if (current) return
  await installFromLock(pnpm)
  writeFileSync(stampFile, `${JSON.stringify({ pnpm, fingerprint: fingerprint() })}\n`)
}
