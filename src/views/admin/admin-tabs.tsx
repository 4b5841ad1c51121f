import { mayPerform } from '../../domain/auth/operations.ts'
import type { Role } from '../../domain/auth/user.ts'

const tabs = [
  { id: 'users', text: 'People', href: '/admin/users', operation: 'user.read' },
  { id: 'sessions', text: 'Sessions', href: '/admin/sessions', operation: 'session.read-all' },
  { id: 'permissions', text: 'Permissions', href: '/admin/permissions', operation: 'permission.read' },
  { id: 'retention', text: 'Retention', href: '/admin/retention', operation: 'retention.update' },
  { id: 'subjects', text: 'Subjects', href: '/admin/subjects', operation: 'subject.delete' },
  { id: 'deletions', text: 'Deletions', href: '/admin/deletions', operation: 'deletion.read' },
] as const

interface Props {
  current: (typeof tabs)[number]['id']
  role: Role | undefined
}

/** The pages of administration that the role may open; a line here adds one. */
export const AdminTabs = ({ current, role = 'viewer' }: Props) => (
  <nav class="actions" aria-label="Administration">
    {tabs
      .filter(({ operation }) => mayPerform(role, operation))
      .map(({ id, text, href }) => (
        <a class="button button--quiet" href={href} aria-current={id === current ? 'page' : undefined}>
          {text}
        </a>
      ))}
  </nav>
)
