import { type PeopleFilter, type PeoplePage, personStates } from '../../domain/auth/people.ts'
import { roles } from '../../domain/auth/user.ts'
import { Choose } from '../components/choose.tsx'
import { Empty } from '../components/empty.tsx'
import { plural } from '../components/format.ts'
import { pageHref } from '../components/pager.tsx'
import { personStateName, roleName } from '../names.ts'

/** The address of a part of the list of people, or of what is done from there: it leads back to the same part. */
export const peopleHref = (path: string, filter: PeopleFilter): string =>
  pageHref(`/admin/users${path}`, { ...filter }, 1)

/** Without the place in it. */
const beginning = ({ q, role, state }: PeopleFilter): PeopleFilter => ({ q, role, state })

const isFiltered = ({ q, role, state }: PeopleFilter): boolean =>
  q !== undefined || role !== undefined || state !== undefined

/** Whom the list shows; a plain form. */
export const PeopleFilters = ({ filter: { q, role, state } }: { filter: PeopleFilter }) => (
  <form class="toolbar" aria-label="Filter users" action="/admin/users">
    <label class="vh" for="q">
      Name or e-mail address
    </label>
    <input
      class="input"
      id="q"
      name="q"
      type="search"
      placeholder="Name or e-mail"
      value={q}
      maxlength={200}
      autocomplete="off"
    />
    <Choose
      id="filter-role"
      name="role"
      label="Role"
      any="Any role"
      value={role}
      options={roles.map((value) => ({ value, label: roleName[value] }))}
    />
    <Choose
      name="state"
      label="State"
      any="Any state"
      value={state}
      options={personStates.map((value) => ({ value, label: personStateName[value] }))}
    />
    <button class="button" type="submit">
      Filter
    </button>
    {isFiltered({ q, role, state }) ? <a href="/admin/users">Show all users</a> : null}
  </form>
)

/** In place of the list when nobody is on it. */
export const NobodyHere = ({ filter, total }: { filter: PeopleFilter; total: number }) => (
  <Empty>
    {total === 0 ? (
      <>
        Nobody fits{filter.q === undefined ? ' the filter' : ` “${filter.q}”`}.{' '}
        <a href="/admin/users">Show all users</a>
      </>
    ) : (
      <>
        Nobody is on this page. <a href={peopleHref('', beginning(filter))}>Show the first page</a>
      </>
    )}
  </Empty>
)

/** The ways to those before and behind, by name. */
export const PeoplePager = ({
  page: { total, before, after },
  filter,
}: {
  page: PeoplePage
  filter: PeopleFilter
}) => {
  if (before === undefined && after === undefined) return null
  const to = (cursor: PeopleFilter) => peopleHref('', { ...beginning(filter), ...cursor })
  return (
    <nav class="pager" aria-label="Pages">
      <p class="pager__note">{plural(total, 'user')} by name</p>
      {before === undefined ? null : (
        <>
          <a href={to({})}>First</a>
          <a rel="prev" href={to({ before })}>
            Previous
          </a>
        </>
      )}
      {after === undefined ? null : (
        <a rel="next" href={to({ after })}>
          Next
        </a>
      )}
    </nav>
  )
}
