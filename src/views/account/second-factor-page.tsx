import { qrPath } from '../../domain/auth/qr-code.ts'
import type { Enrolment } from '../../domain/auth/second-factor.ts'
import { CodeField } from '../code-field.tsx'
import { ErrorSummary } from '../components/error-summary.tsx'
import { Facts } from '../components/facts.tsx'
import { PageHead } from '../components/page-head.tsx'
import { Section } from '../components/section.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'

const crumbs = [{ text: 'Your account', href: '/account' }, { text: 'Second factor' }]

interface Props {
  frame: Frame
  enrolment: Enrolment
  /** Nothing else opens until it is on. */
  isRequired: boolean
  problem?: string | undefined
}

/** To be held before a camera: dark on light, in the dark theme as well. */
const QrCode = ({ text }: { text: string }) => {
  const { size, path } = qrPath(text)
  return (
    <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label="QR code of the key below">
      <rect class="qr__light" width={size} height={size} />
      <path class="qr__dark" d={path} />
    </svg>
  )
}

/** `GET /account/second-factor` while it is off: the secret for the app, and a first code. */
export const EnrolPage = ({ frame, enrolment, isRequired, problem }: Props) => (
  <Shell frame={frame} title="Second factor">
    <PageHead
      title="Turn on the second factor"
      crumbs={crumbs}
      meta={
        isRequired
          ? 'Your role needs it: the rest of the portal opens when it is on.'
          : 'A code of an app beside the password: a stolen password alone is then of no use.'
      }
    />
    <ErrorSummary
      title="It is not on yet"
      problems={problem === undefined ? [] : [{ field: 'code', message: problem }]}
    />
    <Section id="secret" title="1. Add Signalbox to your authenticator app">
      <QrCode text={enrolment.uri} />
      <Facts
        facts={[
          {
            label: 'Key to type',
            value: <code class="id">{enrolment.base32.replaceAll(/(.{4})(?=.)/g, '$1 ')}</code>,
          },
          { label: 'Kind', value: 'time-based, six digits, 30 seconds' },
          { label: 'On this device', value: <a href={enrolment.uri}>Open in the app</a> },
          { label: 'As a link', value: <code class="id">{enrolment.uri}</code> },
        ]}
      />
    </Section>
    <Section id="confirm" title="2. Type the code it shows">
      <form method="post" action="/account/second-factor" class="stack stack--s">
        <CodeField />
        <p class="actions">
          <button class="button button--primary" type="submit">
            Turn on
          </button>
        </p>
      </form>
    </Section>
  </Shell>
)

/** Recovery codes, the only time they are shown. */
export const RecoveryCodesPage = ({ frame, codes }: { frame: Frame; codes: readonly string[] }) => (
  <Shell frame={frame} title="Recovery codes">
    <PageHead
      title="Your recovery codes"
      crumbs={crumbs}
      meta="The second factor is on. These codes are shown now and never again: keep them apart from your phone."
    />
    <ol class="bullets">
      {codes.map((code) => (
        <li>
          <code class="id">{code}</code>
        </li>
      ))}
    </ol>
    <p class="quiet">Each is good once, in place of a code of the app. New ones replace all of them.</p>
    <p class="quiet">
      Other sessions of yours go on without a code: <a href="/account#sessions">end those you do not know</a>.
    </p>
    <p class="section actions">
      <a class="button button--primary" href="/">
        I have kept them
      </a>
    </p>
  </Shell>
)
