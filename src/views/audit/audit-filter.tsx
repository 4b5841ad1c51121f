import { actions, actionWords, objectTypes, outcomes } from '../../domain/audit/actions.ts'
import { Choose } from '../components/choose.tsx'
import { pageHref } from '../components/pager.tsx'

/** What the address of the page asks for, as it was typed. */
export interface AuditQuery {
  /** Everything about this dataset or person, by its id. */
  readonly about?: string | undefined
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly type?: string | undefined
  readonly object?: string | undefined
  readonly outcome?: string | undefined
  readonly request?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
}

const names = {
  about: 'Everything about',
  actor: 'Who',
  action: 'Action',
  type: 'Kind of object',
  object: 'Object',
  outcome: 'Outcome',
  request: 'Request',
  from: 'From',
  to: 'To',
} as const satisfies Record<keyof AuditQuery, string>
export const filterKeys = [
  'about',
  'actor',
  'action',
  'type',
  'object',
  'outcome',
  'request',
  'from',
  'to',
] as const

export const isFiltered = (query: AuditQuery): boolean => filterKeys.some((key) => query[key] !== undefined)

/** What is said of filters that no entry can fit, and that were left out. */
export const leftOut = (wrong: readonly (keyof AuditQuery)[]): string =>
  `Left out: ${wrong.map((key) => names[key]).join(', ')}. The address has a value there that the filter cannot have.`

/** The address of the list with these filters. */
export const auditHref = (path: string, query: AuditQuery & Readonly<Record<string, string | undefined>>) =>
  pageHref(path, query, 1)

const first = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

const Text = ({ name, label, value }: { name: string; label: string; value: string | undefined }) => (
  <>
    <label class="vh" for={`filter-${name}`}>
      {label}
    </label>
    <input
      class="input"
      id={`filter-${name}`}
      name={name}
      type="search"
      placeholder={label}
      value={value}
      maxlength={200}
      autocomplete="off"
    />
  </>
)

/** A day or a moment, kept as it was typed: controls for dates know only the one or the other. */
const Moment = ({ name, value }: { name: 'from' | 'to'; value: string | undefined }) => (
  <label class="toolbar__field">
    {names[name]}
    <input
      class="input input--moment"
      type="text"
      name={name}
      value={value}
      placeholder="YYYY-MM-DD hh:mm"
      pattern="\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.]\d{1,6})?)?(Z|[+\-]\d\d:\d\d)?)?"
      title="A day as 2026-11-21, or with a time as 2026-11-21 18:00. In UTC, unless a zone follows as in 2026-11-21T18:00+01:00."
      maxlength={40}
      autocomplete="off"
    />
  </label>
)

/** What a filter asks for, as it is said; a moment without a zone is UTC. */
const said = (key: keyof AuditQuery, value: string): string =>
  key === 'action'
    ? actionWords(value)
    : (key === 'from' || key === 'to') && !/[+-]\d\d:\d\d$/.test(value)
      ? `${value.replace('T', ' ').replace(/Z$/, '')} UTC`
      : value

interface Props {
  path: string
  query: AuditQuery
  /** Of one's own entries, who and object are not asked. */
  isOwn?: boolean
  swap: Readonly<Record<string, string>>
}

/** The filters; a plain form, sent by htmx where there is script. */
export const AuditFilters = ({ path, query, isOwn = false, swap }: Props) => (
  <form class="toolbar toolbar--audit" aria-label="Filter entries" action={path} {...swap}>
    {query.about === undefined ? null : <input type="hidden" name="about" value={query.about} />}
    {isOwn ? null : <Text name="actor" label="Who: name, e-mail or id" value={query.actor} />}
    <Choose
      name="action"
      label={names.action}
      any="Any action"
      value={query.action}
      options={actions.map((value) => ({ value, label: actionWords(value) }))}
    />
    <Choose
      name="type"
      label={names.type}
      any="Any object"
      value={query.type}
      options={objectTypes.map((value) => ({ value, label: first(value) }))}
    />
    <Text name="object" label="Id of the object" value={query.object} />
    <Choose
      name="outcome"
      label={names.outcome}
      any="Any outcome"
      value={query.outcome}
      options={outcomes.map((value) => ({ value, label: first(value) }))}
    />
    <Text name="request" label="Request id" value={query.request} />
    <Moment name="from" value={query.from} />
    <Moment name="to" value={query.to} />
    <span class="toolbar__field">UTC</span>
    <button class="button" type="submit">
      Filter
    </button>
  </form>
)

/** What is asked for, each with the list without it. */
export const ChosenFilters = ({ path, query }: { path: string; query: AuditQuery }) =>
  isFiltered(query) ? (
    <p class="filters">
      {filterKeys.map((key) => {
        const value = query[key]
        if (value === undefined) return null
        return (
          <a class="filters__one" href={auditHref(path, { ...query, [key]: undefined })}>
            {names[key]}: {said(key, value)} <span aria-hidden="true">×</span>
            <span class="vh">, remove this filter</span>
          </a>
        )
      })}
      <a href={path}>Show all entries</a>
    </p>
  ) : null
