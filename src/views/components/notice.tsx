import type { Child } from 'hono/jsx'
import { Mark } from './mark.tsx'

export interface NoticeText {
  readonly state: 'healthy' | 'degraded' | 'failed'
  readonly text: string
}

interface Props {
  state: NoticeText['state']
  children?: Child
  actions?: Child
}

/** A sentence about what just happened or stands in the way. */
export const Notice = ({ state, children, actions }: Props) => (
  <div class={`notice notice--${state}`} role={state === 'failed' ? 'alert' : 'status'}>
    <Mark state={state} />
    <div>{children}</div>
    {actions === undefined ? null : <div class="actions">{actions}</div>}
  </div>
)

/** What the last action had to say, above the page's content. */
export const Notices = ({ notices }: { notices: readonly NoticeText[] }) =>
  notices.length === 0 ? null : (
    <div class="notices">
      {notices.map(({ state, text }) => (
        <Notice state={state}>{text}</Notice>
      ))}
    </div>
  )
