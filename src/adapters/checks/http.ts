import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type CheckResult, couldNotTell, fail } from '../../domain/flows/checks/check-result.ts'
import type { CheckRunner } from '../../domain/flows/checks/check-runner.ts'
import { checkTypes, type MeasurementOf, type ParametersOf } from '../../domain/flows/checks/registry.ts'
import { Settled, untilAborted } from './deadline.ts'
import { exchange, TooManyRedirects } from './http-exchange.ts'
import type { Names } from './names.ts'
import { fileProblem, networkProblem } from './problems.ts'
import type { RunnerSettings } from './runner-settings.ts'

type Parameters = ParametersOf<'http'>

/** Asks as Gatus does: redirects are followed, the time is that until the answer begins. */
export function httpRunner({ baseFolder }: RunnerSettings, { lookup }: Names): CheckRunner<'http'> {
  return {
    run(parameters, context) {
      const target = new URL(parameters.url).host
      return untilAborted(context.signal, `${target} did not answer in time.`, async () => {
        const judge = (measured: MeasurementOf<'http'>) =>
          checkTypes.http.judge(parameters, measured, context)
        const ca = await authority(parameters, baseFolder)
        try {
          const answer = await exchange({
            url: new URL(parameters.url),
            method: parameters.method,
            headers: parameters.headers ?? {},
            body: parameters.body,
            tls: { rejectUnauthorized: parameters.tls?.verify ?? true, ...(ca === undefined ? {} : { ca }) },
            lookup,
            signal: context.signal,
            // Only who asks for the body waits for it.
            wantsBody: asksFor(parameters, 'BODY'),
          })
          if (answer.isTooLong) {
            return couldNotTell('limit', `The answer of ${target} is longer than 1 MiB, and is not read.`)
          }
          return judge({
            STATUS: answer.status,
            RESPONSE_TIME: answer.responseMs,
            CONNECTED: true,
            BODY: answer.body,
            IP: answer.address,
            CERTIFICATE_EXPIRATION:
              answer.certificateUntil === undefined ? undefined : answer.certificateUntil - context.now,
          })
        } catch (error) {
          const problem = problemOf(error, target)
          if (problem === undefined) throw error
          // A condition may wish that nobody answers; where that alone is asked, it is what is judged.
          if (problem.outcome !== 'fail' || !asksFor(parameters, 'CONNECTED')) return problem
          const judged = judge({ CONNECTED: false })
          return judged.outcome === 'pass' ? judged : problem
        }
      })
    },
  }
}

function problemOf(error: unknown, target: string): CheckResult | undefined {
  if (error instanceof TooManyRedirects) return fail('bad_value', `${target} redirects ${error.message}.`)
  return networkProblem(error, target)
}

const asksFor = ({ conditions, degraded_conditions: degraded }: Parameters, name: string) =>
  [...conditions, ...degraded].some(({ left, right }) =>
    [left, right].some((operand) => operand.kind === 'value' && operand.name === name),
  )

async function authority({ tls }: Parameters, baseFolder: string): Promise<Buffer | undefined> {
  if (tls?.ca_file === undefined) return undefined
  try {
    const ca = await readFile(resolve(baseFolder, tls.ca_file))
    if (ca.includes('-----BEGIN CERTIFICATE-----') || ca.includes('-----BEGIN TRUSTED CERTIFICATE-----'))
      return ca
    // TLS would trust nobody, and the target would be blamed for it.
    throw new Settled(couldNotTell('bad_value', `${tls.ca_file} holds no certificate in PEM.`))
  } catch (error) {
    if (error instanceof Settled) throw error
    const problem = fileProblem(error, tls.ca_file)
    if (problem === undefined) throw error
    throw new Settled(problem)
  }
}
