import { TLSSocket } from 'node:tls'
import { couldNotTell } from '../../domain/flows/checks/check-result.ts'
import type { CheckRunner } from '../../domain/flows/checks/check-runner.ts'
import { checkTypes } from '../../domain/flows/checks/registry.ts'
import { untilAborted } from './deadline.ts'
import type { Names } from './names.ts'
import { networkProblem } from './problems.ts'
import { withSocket } from './sockets.ts'

export const tlsExpiryRunner = ({ lookup }: Names): CheckRunner<'tls_expiry'> => ({
  run(parameters, context) {
    const { host, port, server_name: name } = parameters
    const target = `${host}:${port}`
    return untilAborted(context.signal, `${target} did not show its certificate in time.`, async () => {
      // An expired certificate is to be read, not refused.
      const tls = { rejectUnauthorized: false, ...(name === undefined ? {} : { servername: name }) }
      try {
        return await withSocket({ host, port, lookup }, tls, context.signal, async (socket) => {
          const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
          if (certificate === undefined) return couldNotTell('no_data', `${target} showed no certificate.`)
          return checkTypes.tls_expiry.judge(
            parameters,
            {
              validFrom: Date.parse(certificate.validFrom),
              validTo: Date.parse(certificate.validTo),
              subject: certificate.subject?.replaceAll('\n', ', ') ?? certificate.subjectAltName ?? '?',
            },
            context,
          )
        })
      } catch (error) {
        const problem = networkProblem(error, target)
        if (problem === undefined) throw error
        return problem
      }
    })
  },
})
