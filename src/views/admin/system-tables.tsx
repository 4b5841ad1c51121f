import type { SystemCheck } from '../../domain/system/checks.ts'
import { type PeriodicState, periodicWorks } from '../../domain/system/periodic-work.ts'
import type { SettingInForce, WorkerState } from '../../domain/system/system-state.ts'
import { Empty } from '../components/empty.tsx'
import { RelativeTime, TimeOrNever } from '../components/relative-time.tsx'
import { State } from '../components/state.tsx'
import { Count, Table } from '../components/table.tsx'

const checkName: Record<SystemCheck['name'], string> = {
  vault: 'Vault',
  disk: 'Disk of the vault',
  workers: 'Workers',
  audit: 'Audit log',
  verification: 'Verification of it',
  'audit-owner': 'Who owns the audit tables',
  housekeeping: 'Housekeeping',
}

/** The parts that can be wrong, each with its state. */
export const Checks = ({ checks }: { checks: readonly SystemCheck[] }) => (
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

/** When each work that comes round last began and ended. */
export const Periodic = ({ works, now }: { works: readonly PeriodicState[]; now: Date }) => (
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
            <TimeOrNever at={last?.lastStartedAt ?? null} now={now} />
          </td>
          <td data-label="Last ended">
            <TimeOrNever at={last?.lastEndedAt ?? null} now={now} />
          </td>
          <td data-label="How often">{periodicWorks[name].everyMs > 3_600_000 ? 'each night' : 'hourly'}</td>
        </tr>
      ))}
    </tbody>
  </Table>
)

/** The processes that work shards. */
export const Workers = ({ workers, now }: { workers: readonly WorkerState[]; now: Date }) =>
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

/** Every setting, and whether somebody gave it. */
export const Settings = ({ settings }: { settings: readonly SettingInForce[] }) => (
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
