import { mayPerform } from '../../domain/auth/operations.ts'
import type { Role } from '../../domain/auth/user.ts'

const tabs = [
  { id: 'users', text: 'Users', href: '/admin/users', operation: 'user.read' },
  { id: 'sessions', text: 'Sessions', href: '/admin/sessions', operation: 'session.read-all' },
  { id: 'boards', text: 'Boards', href: '/admin/boards', operation: 'board-link.read' },
  { id: 'api-keys', text: 'API keys', href: '/admin/api-keys', operation: 'api-key.read-all' },
  { id: 'limits', text: 'Limits', href: '/admin/limits', operation: 'rate-limit.read' },
  { id: 'keys', text: 'Master keys', href: '/admin/keys', operation: 'vault.read-keys' },
  { id: 'system', text: 'System', href: '/admin/system', operation: 'system.read' },
  { id: 'audit', text: 'Audit log', href: '/admin/audit', operation: 'audit.read' },
  { id: 'report', text: 'Report', href: '/admin/report', operation: 'audit.read' },
  { id: 'permissions', text: 'Permissions', href: '/admin/permissions', operation: 'permission.read' },
  { id: 'retention', text: 'Retention', href: '/admin/retention', operation: 'retention.update' },
  { id: 'subjects', text: 'Subjects', href: '/admin/subjects', operation: 'subject.delete' },
  { id: 'deletions', text: 'Deletions', href: '/admin/deletions', operation: 'deletion.read' },
] as const

interface Props {
  current: (typeof tabs)[number]['id']
  role: Role | undefined
}

const shown = (role: Role) => tabs.filter(({ operation }) => mayPerform(role, operation))

/** Where administration begins for a role; everybody may at least see the permission table. */
export const firstAdminPage = (role: Role): string => shown(role)[0]?.href ?? '/admin/permissions'

/** What everybody may see is linked from the account: for that alone there is no Administration in the menu. */
const forEverybody: readonly string[] = ['permissions', 'deletions']

/** Whether administration holds more for a role than what everybody may see. */
export const hasAdministration = (role: Role): boolean =>
  shown(role).some(({ id }) => !forEverybody.includes(id))

/** The pages of administration that the role may open; a line here adds one. */
export const AdminTabs = ({ current, role = 'viewer' }: Props) => (
  <nav class="tabs" aria-label="Administration">
    {shown(role).map(({ id, text, href }) => (
      <a href={href} aria-current={id === current ? 'page' : undefined}>
        {text}
      </a>
    ))}
  </nav>
)
