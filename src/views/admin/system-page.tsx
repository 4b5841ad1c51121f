import type { SystemCheck, SystemFindings } from '../../domain/system/checks.ts'
import { diskLowWater, usedShareOf } from '../../domain/system/disk-space.ts'
import { type PeriodicState, periodicWorks } from '../../domain/system/periodic-work.ts'
import type {
  DatabaseState,
  HostSystem,
  SettingInForce,
  WorkerState,
} from '../../domain/system/system-state.ts'
import type { KeyState } from '../../domain/vault/key-state.ts'
import { Empty } from '../components/empty.tsx'
import { type Fact, Facts } from '../components/facts.tsx'
import { bytes, exactTime, number, percent, plural } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { Plate, State } from '../components/state.tsx'
import { Count, Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { AdminTabs } from './admin-tabs.tsx'

interface Props extends Frame, SystemFindings {
  checks: readonly SystemCheck[]
  periodic: readonly PeriodicState[]
  host: Pick<HostSystem, 'version' | 'nodeVersion' | 'startedAt' | 'settings'>
  database: DatabaseState
  now: Date
}

const checkName: Record<SystemCheck['name'], string> = {
  vault: 'Vault',
  disk: 'Disk of the vault',
  workers: 'Workers',
  audit: 'Audit log',
  verification: 'Verification of it',
  'audit-owner': 'Who owns the audit tables',
  housekeeping: 'Housekeeping',
}
const order = ['healthy', 'unknown', 'degraded', 'failed'] as const
const plateWord = {
  healthy: 'All well',
  unknown: 'Look at it',
  degraded: 'Look at it',
  failed: 'Act',
} as const

/** `GET /admin/system`: what operators ask first. */
export const SystemPage = ({ checks, periodic, host, database, now, ...props }: Props) => {
  const { keys, disk, workers, queue, audit, housekeeper, ...frame } = props
  const all = [...checks, ...periodic]
  const worst = order.findLast((state) => all.some((part) => part.state === state)) ?? 'healthy'
  return (
    <Shell frame={frame} title="System" place="admin">
      <PageHead
        title="System"
        plate={<Plate state={worst} word={plateWord[worst]} />}
        meta={`As this process saw it on ${exactTime(now)}. Reload for news.`}
      />
      <AdminTabs current="system" role={frame.viewer?.role} />
      <Section id="checks" title="How it is">
        <Checks checks={checks} />
      </Section>
      <div class="split split--even">
        <div>
          <Section id="portal" title="Portal">
            <Facts facts={portalFacts(host, database, now)} />
          </Section>
          <Section id="storage" title="Vault">
            <Facts facts={storageFacts(keys, disk)} />
          </Section>
        </div>
        <div>
          <Section id="queue" title="Queue">
            <Facts
              facts={[
                { label: 'Runs that wait', value: number(queue.runsQueued) },
                { label: 'Runs that run', value: number(queue.runsRunning) },
                { label: 'Shards that wait', value: number(queue.shardsWaiting) },
                { label: 'Shards being worked', value: number(queue.shardsWorking) },
              ]}
            />
          </Section>
          <Section id="audit" title="Audit log">
            <Facts facts={auditFacts(audit, now)} />
          </Section>
          <Section id="housekeeping" title="Housekeeping">
            <Facts
              facts={[
                {
                  label: 'Kept by one process since',
                  value:
                    housekeeper === undefined ? (
                      'nobody'
                    ) : housekeeper.since === null ? (
                      'unknown'
                    ) : (
                      <RelativeTime at={housekeeper.since} now={now} />
                    ),
                },
                { label: 'Rounds', value: 'one at its start, then one every hour' },
              ]}
            />
          </Section>
        </div>
      </div>
      <Section
        id="periodic"
        title="What comes round by itself"
        note="in one process of all; the log tells of each"
      >
        <Periodic works={periodic} now={now} />
      </Section>
      <Section
        id="workers"
        title="Workers"
        count={number(workers.length)}
        note="processes that work shards; one that ended in order is not listed"
      >
        <Workers workers={workers} now={now} />
      </Section>
      <Section id="settings" title="Settings in force" note="of secrets only that they are set">
        <Settings settings={host.settings} />
      </Section>
    </Shell>
  )
}

const Checks = ({ checks }: Pick<Props, 'checks'>) => (
  <Table labelledBy="checks" kind="table--stack">
    <thead>
      <tr>
        <th scope="col">What</th>
        <th scope="col">State</th>
        <th scope="col">Why, and what to do</th>
      </tr>
    </thead>
    <tbody>
      {checks.map(({ name, state, word, sentence }) => (
        <tr>
          <th scope="row" class="main-cell">
            {checkName[name]}
          </th>
          <td data-label="State">
            <State state={state} word={word} />
          </td>
          <td data-label="Why">{sentence}</td>
        </tr>
      ))}
    </tbody>
  </Table>
)

const portalFacts = (host: Props['host'], database: DatabaseState, now: Date): Fact[] => [
  { label: 'Signalbox', value: host.version },
  { label: 'Node.js', value: host.nodeVersion },
  { label: 'This process since', value: <RelativeTime at={host.startedAt} now={now} /> },
  { label: 'Postgres', value: database.version },
  { label: 'Database', value: `${database.name}, ${bytes(database.bytes)}` },
  { label: 'Signed in as', value: <span class="id">{database.role}</span> },
]

const storageFacts = (keys: KeyState, disk: Props['disk']): Fact[] => {
  const current = keys.masterKeys.find(({ isCurrent }) => isCurrent)
  return [
    {
      label: 'Disk used',
      value: `${percent(usedShareOf(disk))} of ${bytes(disk.totalBytes)}`,
    },
    { label: 'Free', value: `${bytes(disk.freeBytes)}; below ${bytes(diskLowWater)} work waits` },
    {
      label: 'Master key',
      value: (
        <a href="/admin/keys">
          {current === undefined ? 'none in use' : `version ${current.version}`},{' '}
          {plural(keys.masterKeys.length, 'version')}
        </a>
      ),
    },
    { label: 'Destroyed keys', value: number(keys.destroyed) },
  ]
}

const auditFacts = (audit: Props['audit'], now: Date): Fact[] => [
  { label: 'Entries', value: number(audit.rows) },
  {
    label: 'Entries that wait',
    value:
      audit.waitingSince === null ? (
        number(audit.waiting)
      ) : (
        <>
          {number(audit.waiting)}, the oldest since <RelativeTime at={audit.waitingSince} now={now} />
        </>
      ),
  },
  {
    label: 'Last checkpoint',
    value:
      audit.checkpoint === null ? (
        'none'
      ) : (
        <>
          <RelativeTime at={audit.checkpoint.at} now={now} />, over{' '}
          {plural(audit.checkpoint.size, 'entry', 'entries')}
        </>
      ),
  },
  {
    label: 'Last verification',
    value:
      audit.verification === null ? (
        'none'
      ) : (
        <>
          {audit.verification.outcome}, <RelativeTime at={audit.verification.at} now={now} />
        </>
      ),
  },
]

const Periodic = ({ works, now }: { works: readonly PeriodicState[]; now: Date }) => (
  <Table labelledBy="periodic" kind="table--stack">
    <thead>
      <tr>
        <th scope="col">Work</th>
        <th scope="col">State</th>
        <th scope="col">Last began</th>
        <th scope="col">Last ended</th>
        <th scope="col">How often</th>
      </tr>
    </thead>
    <tbody>
      {works.map(({ name, state, word, last }) => (
        <tr>
          <th scope="row" class="main-cell">
            {periodicWorks[name].title}
          </th>
          <td data-label="State">
            <State state={state} word={word} />
          </td>
          <td data-label="Last began">
            <Time at={last?.lastStartedAt ?? null} now={now} />
          </td>
          <td data-label="Last ended">
            <Time at={last?.lastEndedAt ?? null} now={now} />
          </td>
          <td data-label="How often">{periodicWorks[name].everyMs > 3_600_000 ? 'each night' : 'hourly'}</td>
        </tr>
      ))}
    </tbody>
  </Table>
)

const Time = ({ at, now }: { at: Date | null; now: Date }) =>
  at === null ? <span class="muted">never</span> : <RelativeTime at={at} now={now} />

const Workers = ({ workers, now }: { workers: readonly WorkerState[]; now: Date }) =>
  workers.length === 0 ? (
    <Empty>
      No process works shards. Start one with npm run worker, or give the portal SIGNALBOX_WORKERS.
    </Empty>
  ) : (
    <Table labelledBy="workers" kind="table--stack">
      <thead>
        <tr>
          <th scope="col">Worker</th>
          <th scope="col">State</th>
          <th scope="col" class="num">
            Threads
          </th>
          <th scope="col">Since</th>
          <th scope="col">Last seen</th>
        </tr>
      </thead>
      <tbody>
        {workers.map(({ id, host, pid, threads, startedAt, seenAt, paused, isLost }) => (
          <tr>
            <th scope="row" class="main-cell">
              {id}{' '}
              <small class="muted id">
                {host}, process {pid}
              </small>
            </th>
            <td data-label="State">
              {isLost ? (
                <State state="failed" word="Lost" more="its shards go to others" />
              ) : paused === null ? (
                <State state="healthy" word="Takes shards" />
              ) : (
                <State state="degraded" word="Paused" more={paused} />
              )}
            </td>
            <Count value={threads} label="Threads" />
            <td data-label="Since">
              <RelativeTime at={startedAt} now={now} />
            </td>
            <td data-label="Last seen">
              <RelativeTime at={seenAt} now={now} />
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  )

const Settings = ({ settings }: { settings: readonly SettingInForce[] }) => (
  <Table labelledBy="settings" kind="table--dense">
    <thead>
      <tr>
        <th scope="col">Setting</th>
        <th scope="col">Value</th>
        <th scope="col">From</th>
      </tr>
    </thead>
    <tbody>
      {settings.map(({ name, value, isGiven }) => (
        <tr>
          <th scope="row" class="id">
            {name}
          </th>
          <td class={value === undefined ? 'zero' : 'id'}>{value ?? 'not set'}</td>
          <td class={isGiven ? undefined : 'zero'}>{isGiven ? 'environment' : 'default'}</td>
        </tr>
      ))}
    </tbody>
  </Table>
)
