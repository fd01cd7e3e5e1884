/**
 * Beginnings of paths that only scanners request from a Node server: secrets left in the web root,
 * version control, and products of other vendors. In lower case; compared with the decoded path.
 * Only an answer from 400 counts: a team that serves one of these paths bans no client.
 */
export const PROBE_PATHS: readonly string[] = Object.freeze([
  '/.env',
  '/.git/',
  '/.svn/',
  '/.hg/',
  '/.aws/',
  '/.ssh/',
  '/.ds_store',
  '/.htaccess',
  '/.htpasswd',
  '/.vscode/',
  '/actuator/env',
  '/actuator/heapdump',
  '/boaform/',
  '/cgi-bin/',
  '/_ignition/',
  '/hnap1',
  '/id_rsa',
  '/manager/html',
  '/phpinfo',
  '/phpmyadmin',
  '/pma/',
  '/server-status',
  '/solr/admin',
  '/vendor/phpunit',
  '/wp-admin',
  '/wp-config',
  '/wp-content',
  '/wp-includes',
  '/wp-login.php',
  '/xmlrpc.php',
])

const LONGEST = 256

/**
 * Whether a path as received begins like one of these, however it is escaped or its slashes are
 * doubled.
 */
export function isProbe(path: string, beginnings: readonly string[]): boolean {
  const start = decoded(path.slice(0, LONGEST))
    .replace(/^[/\\]+/, '/')
    .toLowerCase()
  return beginnings.some(beginning => start.startsWith(beginning))
}

/** A cut or broken escape leaves the text as it came. */
function decoded(path: string): string {
  if (!path.includes('%')) return path
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
