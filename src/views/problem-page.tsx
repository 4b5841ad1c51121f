import type { Child } from 'hono/jsx'
import { Plain } from './layout/plain.tsx'
import { type Frame, Shell } from './layout/shell.tsx'

const titles: Readonly<Record<number, string>> = {
  400: 'This request could not be read',
  401: 'You are not signed in',
  403: 'You may not do this',
  404: 'There is nothing here',
  405: 'This cannot be asked here',
  409: 'This is not possible now',
  413: 'That is too large',
  422: 'Something needs correcting',
  429: 'Too many requests',
  500: 'Something broke on our side',
  503: 'Signalbox is not ready',
}

interface Props extends Frame {
  status: number
  /** In place of what the status is called. */
  title?: string | undefined
  /** What happened and what to do. */
  message: string
  /** Found in the log under this id. */
  requestId?: string | undefined
}

const Body = ({
  message,
  requestId,
  children,
}: {
  message: string
  requestId?: string | undefined
  children?: Child
}) => (
  <>
    <p>{message}</p>
    {requestId === undefined ? null : (
      <p class="quiet">
        If you ask for help, say <span class="id">{requestId}</span>.
      </p>
    )}
    <p class="actions">{children}</p>
  </>
)

/** Any refusal or failure as a page: what happened, what to do, and a way on. */
export const ProblemPage = ({ status, title: own, message, requestId, viewer, notices }: Props) => {
  const title = own ?? titles[status] ?? (status >= 500 ? 'Something broke on our side' : 'This did not work')
  if (viewer === undefined) {
    return (
      <Plain title={title} foot={`Answer ${status}`}>
        <Body message={message} requestId={requestId}>
          <a class="button" href="/sign-in">
            Go to sign-in
          </a>
        </Body>
      </Plain>
    )
  }
  return (
    <Shell frame={{ viewer, notices }} title={title}>
      <div class="empty">
        <h1>{title}</h1>
        <Body message={message} requestId={requestId}>
          <a class="button" href="/">
            Overview
          </a>
          <a class="button" href="/datasets">
            Datasets
          </a>
        </Body>
      </div>
    </Shell>
  )
}
