import { type CheckResult, couldNotTell, fail } from '../../domain/flows/checks/check-result.ts'

/** The code that Node, OpenSSL or Postgres gives an error. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

const refusing: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections',
  ECONNRESET: 'ended the connection',
  EPIPE: 'ended the connection',
  ECONNABORTED: 'ended the connection',
  ETIMEDOUT: 'does not answer',
  EHOSTUNREACH: 'cannot be reached',
  EHOSTDOWN: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  // A socket file that is not there: nobody listens.
  ENOENT: 'does not listen',
}
const unresolved = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_NONAME', 'EAI_NODATA', 'EAI_FAIL']
const ours = ['EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL']
const tls =
  /^(?:ERR_SSL_|ERR_TLS_|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO$|INVALID_CA|CRL_)/

/**
 * What an error of the network says of the target: refusing, resetting and not resolving are its failure, what this
 * machine could not do is not. undefined: it says nothing of either.
 */
export function networkProblem(error: unknown, target: string): CheckResult | undefined {
  // Trying several addresses gives one error for all; the first one speaks.
  if (error instanceof AggregateError) return networkProblem(error.errors[0], target)
  const code = codeOf(error)
  if (code === undefined) return undefined
  if (unresolved.includes(code)) return fail('not_found', `The name of ${target} does not resolve.`)
  if (ours.includes(code)) {
    const reason = code === 'EACCES' || code === 'EPERM' ? 'permission' : 'checker_error'
    return couldNotTell(reason, `This machine could not connect to ${target} (${code}).`)
  }
  const refusal = refusing[code]
  if (refusal !== undefined) return fail('refused', `${target} ${refusal}.`)
  if (tls.test(code)) return fail('bad_value', `TLS with ${target} failed (${code}).`)
  if (code.startsWith('HPE_')) return fail('bad_value', `${target} does not answer in HTTP (${code}).`)
  return undefined
}

/** What an error of the file system says: nothing of the file, except that it is not there. */
export function fileProblem(error: unknown, path: string): CheckResult | undefined {
  const code = codeOf(error)
  if (code === 'ENOENT' || code === 'ENOTDIR') return couldNotTell('not_found', `${path} is not there.`)
  if (code === 'EACCES' || code === 'EPERM') {
    return couldNotTell('permission', `${path} may not be read by this process. Give it the right to.`)
  }
  if (code === 'ELOOP') return couldNotTell('bad_value', `${path} is a symbolic link that leads to itself.`)
  return code === undefined
    ? undefined
    : couldNotTell('checker_error', `${path} could not be read (${code}).`)
}
