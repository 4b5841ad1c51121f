import type { Child } from 'hono/jsx'
import { mayPerform } from '../../domain/auth/operations.ts'
import type { Role } from '../../domain/auth/user.ts'
import { hasAdministration } from '../admin/admin-tabs.tsx'
import { Lamp } from '../components/lamp.tsx'
import { Notice, Notices, type NoticeText } from '../components/notice.tsx'
import { Brand } from './brand.tsx'
import { Document } from './document.tsx'

/** Whoever looks at a page, as far as its frame needs to know. */
interface Viewer {
  readonly name: string
  readonly role?: Role
  /** Whether single keys work; they do unless someone turned them off. */
  readonly hasShortcuts?: boolean
}

/** Whether single keys work for whoever looks. */
export const hasShortcuts = (viewer: Viewer | undefined): boolean => viewer?.hasShortcuts !== false

/** What every page of a signed-in person carries. */
export interface Frame {
  readonly viewer?: Viewer | undefined
  /** What the last action had to say; shown once. */
  readonly notices?: readonly NoticeText[] | undefined
}

const places = [
  { id: 'overview', text: 'Overview', href: '/', operation: 'overview.read' },
  { id: 'datasets', text: 'Datasets', href: '/datasets', operation: 'dataset.read' },
  { id: 'runs', text: 'Runs', href: '/runs', operation: 'run.read' },
  { id: 'flows', text: 'Flows', href: '/flows', operation: 'flow.read' },
  { id: 'audit', text: 'Audit log', href: '/admin/audit', operation: 'audit.read' },
  { id: 'admin', text: 'Administration', href: '/admin', operation: 'permission.read' },
] as const
export type Place = (typeof places)[number]['id']

interface Props {
  frame: Frame
  title: string
  place?: Place
  /** The page follows something by itself and says in the foot whether it does. */
  live?: boolean
  /** Loaded anew so often where there is no script; the reader chose it. */
  refreshSeconds?: number | undefined
  children?: Child
}

/** What the menu leads to: only what the role may use. */
const shown = (role: Role = 'viewer') =>
  places.filter(
    ({ id, operation }) => mayPerform(role, operation) && (id !== 'admin' || hasAdministration(role)),
  )

/** Shown by the script when what was asked for could not be fetched at all. */
const NoAnswer = () => (
  <template id="no-answer-blueprint">
    <div class="notices" id="no-answer">
      <Notice state="failed">
        Signalbox did not answer: it may be restarting, or the connection is gone. Nothing was changed. Try
        again.
      </Notice>
    </div>
  </template>
)

/** The frame of every page behind the sign-in. */
export const Shell = ({
  frame: { viewer, notices = [] },
  title,
  place,
  live = false,
  refreshSeconds,
  children,
}: Props) => (
  <Document title={title} refreshSeconds={refreshSeconds}>
    <a class="skip" href="#main">
      Skip to content
    </a>
    <div class="shell">
      <header class="nav">
        <Brand />
        {/* biome-ignore lint/a11y/useSemanticElements: <search> is not yet known to every screen reader */}
        <form class="jump" role="search" action="/datasets">
          <label class="vh" for="jump">
            Jump to a dataset
          </label>
          <input
            class="input"
            id="jump"
            name="q"
            type="search"
            placeholder="Jump to"
            autocomplete="off"
            {...(hasShortcuts(viewer) ? { 'data-key': '/', 'aria-keyshortcuts': '/' } : {})}
          />
          {hasShortcuts(viewer) ? <kbd>/</kbd> : null}
        </form>
        <nav class="track-menu" aria-label="Main">
          <ul>
            {shown(viewer?.role).map(({ id, text, href }) => (
              <li>
                <a href={href} aria-current={id === place ? 'page' : undefined}>
                  {text}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="nav__foot">
          {live ? <Lamp /> : null}
          {viewer === undefined ? null : (
            <form class="nav__account" method="post" action="/sign-out">
              <a class="nav__user" href="/account">
                <span class="vh">Your account, </span>
                {viewer.name}
              </a>
              <button class="button button--s" type="submit">
                Sign out
              </button>
            </form>
          )}
        </div>
      </header>
      <main class="main" id="main" tabindex={-1}>
        <Notices notices={notices} />
        {children}
      </main>
    </div>
    <div class="vh" id="announcer" role="status" />
    <NoAnswer />
  </Document>
)
