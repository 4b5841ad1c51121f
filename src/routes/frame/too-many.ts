import type { AppContext } from '../app-context.ts'
import { answerStatus, wantsPage } from '../problem.tsx'

type Answer = Response | Promise<Response>

/** What someone is told who is slowed, and the audit log of whose account it was: in the form, to whoever looks at one, else as a fragment or a problem. */
export function answerSlowed(
  c: AppContext,
  { waitSeconds, userId }: { readonly waitSeconds: number; readonly userId: string | undefined },
  form: (sentence: string) => Answer,
): Answer {
  c.set('refused', { type: 'user', id: userId })
  c.header('Retry-After', String(waitSeconds))
  const sentence = `Too many attempts. Wait ${inWords(waitSeconds)} and try again.`
  const isForm = wantsPage(c) && c.req.header('HX-Request') !== 'true'
  return isForm ? form(sentence) : answerStatus(c, 429, sentence)
}

const inWords = (seconds: number) =>
  seconds < 90 ? `${seconds} ${seconds === 1 ? 'second' : 'seconds'}` : `${Math.ceil(seconds / 60)} minutes`
