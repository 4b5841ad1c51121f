import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** Whether Debian's openssl is there to make certificates with; node:crypto can only read them. */
export const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/** Makes a self-signed certificate for localhost in a folder, over whatever was there. */
export function makeCertificate(folder: string, name = 'portal'): { cert: string; key: string } {
  const files = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const fresh = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
  ]
  execFileSync('openssl', [...fresh, ...subject, '-keyout', files.key, '-out', files.cert], {
    stdio: 'ignore',
  })
  return files
}
