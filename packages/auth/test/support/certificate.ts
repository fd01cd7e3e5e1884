import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A key and a certificate for `localhost`, made for this run, which is its own CA. Needs `openssl`
 * on the PATH.
 */
export function certificate(): { key: string; cert: string; ca: string } {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-certificate-'))
  try {
    const key = join(folder, 'key.pem')
    const cert = join(folder, 'cert.pem')
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    execFileSync(
      'openssl',
      ['req', '-x509', ...curve, ...names, '-days', '2', '-keyout', key, '-out', cert],
      { stdio: 'ignore' },
    )
    const text = readFileSync(cert, 'utf8')
    return { key: readFileSync(key, 'utf8'), cert: text, ca: text }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
