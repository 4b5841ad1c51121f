import type { AppContext } from '../app-context.ts'
import { answerStatus, wantsPage } from '../problem.tsx'

type Answer = Response | Promise<Response>

/** What someone is told who is slowed: in the form, to whoever looks at one, else as a fragment or a problem. */
export function answerSlowed(
  c: AppContext,
  { waitSeconds }: { readonly waitSeconds: number },
  form: (sentence: string) => Answer,
): Answer {
  c.header('Retry-After', String(waitSeconds))
  const sentence = `Too many attempts. Wait ${inWords(waitSeconds)} and try again.`
  const isForm = wantsPage(c) && c.req.header('HX-Request') !== 'true'
  return isForm ? form(sentence) : answerStatus(c, 429, sentence)
}

const inWords = (seconds: number) =>
  seconds < 90 ? `${seconds} ${seconds === 1 ? 'second' : 'seconds'}` : `${Math.ceil(seconds / 60)} minutes`
