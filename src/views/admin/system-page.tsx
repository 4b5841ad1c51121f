import type { SystemCheck, SystemFindings } from '../../domain/system/checks.ts'
import { diskLowWater, usedShareOf } from '../../domain/system/disk-space.ts'
import type { PeriodicState } from '../../domain/system/periodic-work.ts'
import type { DatabaseState, HostSystem } from '../../domain/system/system-state.ts'
import type { KeyState } from '../../domain/vault/key-state.ts'
import { type Fact, Facts } from '../components/facts.tsx'
import { bytes, exactTime, number, percent, plural } from '../components/format.ts'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { Plate } from '../components/state.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { AdminTabs } from './admin-tabs.tsx'
import { Checks, Periodic, Settings, Workers } from './system-tables.tsx'

interface Props extends Frame, SystemFindings {
  checks: readonly SystemCheck[]
  periodic: readonly PeriodicState[]
  host: Pick<HostSystem, 'version' | 'nodeVersion' | 'startedAt' | 'settings'>
  database: DatabaseState
  now: Date
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
