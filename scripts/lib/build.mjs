import { run, Stop } from './process.mjs'
import { root, tool } from './root.mjs'

/** turbo sends no telemetry, looks for no newer version, and leaves nothing running. */
const QUIET_TURBO = {
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
}

/**
 * Builds what changed since the last build.
 *
 * @param {string} [member] only this member and what it depends on, as `apps/demo`
 */
export async function build(member) {
  const filter = member === undefined ? [] : [`--filter=./${member}...`]
  const { code } = await run([...tool('turbo'), 'run', 'build', '--output-logs=errors-only', ...filter], {
    cwd: root,
    env: QUIET_TURBO,
  })
  if (code !== 0) throw new Stop('The build failed; the compiler says why above.')
}
