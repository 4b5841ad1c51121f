import { createPrivateKey, X509Certificate } from 'node:crypto'
import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'

/** Paths of a certificate chain and its private key, both PEM. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
  /** When its time is over. */
  readonly until: Date
}

/** Why a certificate cannot be used, as a sentence; never holds anything of the key. */
export class CertificateProblem extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CertificateProblem'
  }
}

/**
 * Reads certificate and key, and tries them together: a key of another certificate would only fail at the first client.
 * @throws CertificateProblem
 */
export async function readCertificate(files: TlsFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([read('TLS_CERT', files.cert), read('TLS_KEY', files.key)])
  try {
    createSecureContext({ cert })
  } catch (cause) {
    throw new CertificateProblem(`${files.cert} (TLS_CERT) holds no certificate in PEM format.`, { cause })
  }
  const first = new X509Certificate(cert)
  let isPair: boolean
  try {
    isPair = first.checkPrivateKey(createPrivateKey(key))
  } catch (cause) {
    throw new CertificateProblem(
      `${files.key} (TLS_KEY) holds no private key in PEM format, or one with a passphrase. Give one without.`,
      { cause },
    )
  }
  if (!isPair) {
    throw new CertificateProblem(
      `The key of TLS_KEY (${files.key}) does not belong to the certificate of TLS_CERT (${files.cert}).`,
    )
  }
  return { cert, key, until: new Date(first.validTo) }
}

async function read(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new CertificateProblem(
      `${path} (${setting}) cannot be read. Correct the path, or let this user read the file.`,
      { cause },
    )
  }
}

/**
 * Calls when one of the files changed. Looks every few seconds, because what renews certificates swaps links and folders,
 * which watching by the kernel does not follow.
 * @returns ends it
 */
export function watchTlsFiles({ cert, key }: TlsFiles, changed: () => void, everyMs = 5_000): () => void {
  for (const path of [cert, key]) watchFile(path, { interval: everyMs, persistent: false }, changed)
  return () => {
    for (const path of [cert, key]) unwatchFile(path, changed)
  }
}
