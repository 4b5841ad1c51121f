import type { CheckRunner } from '../../domain/flows/checks/check-runner.ts'
import { checkTypes } from '../../domain/flows/checks/registry.ts'
import { untilAborted } from './deadline.ts'
import type { Names } from './names.ts'
import { networkProblem } from './problems.ts'
import { readUntil, withSocket } from './sockets.ts'

/** So much of an answer is looked through. */
const mostAnswer = 64 * 1024

export const tcpPortRunner = ({ lookup }: Names): CheckRunner<'tcp_port'> => ({
  run(parameters, context) {
    const { host, port, send, expect, tls } = parameters
    const target = `${host}:${port}`
    return untilAborted(context.signal, `${target} did not answer in time.`, async () => {
      const began = performance.now()
      try {
        return await withSocket(
          { host, port, lookup },
          // Whether its certificate is good is the question of tls_expiry and http.
          tls ? { rejectUnauthorized: false } : undefined,
          context.signal,
          async (socket) => {
            const connectedAfterMs = Math.round(performance.now() - began)
            const answering =
              expect === undefined
                ? undefined
                : readUntil(socket, mostAnswer, (text) => text.includes(expect))
            const [answer] = await Promise.all([
              answering,
              send === undefined ? undefined : sent(socket, send),
            ])
            const measured = { connectedAfterMs, ...(answer === undefined ? {} : { answer }) }
            return checkTypes.tcp_port.judge(parameters, measured, context)
          },
        )
      } catch (error) {
        const problem = networkProblem(error, target)
        if (problem === undefined) throw error
        return problem
      }
    })
  },
})

const sent = (socket: { write(text: string, done: (error?: Error | null) => void): unknown }, text: string) =>
  new Promise<void>((resolve, reject) => {
    socket.write(text, (error) => (error ? reject(error) : resolve()))
  })
