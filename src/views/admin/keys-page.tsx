import { unfinishedRotation } from '../../domain/vault/key-administration.ts'
import type { KeyState, MasterKeyState } from '../../domain/vault/key-state.ts'
import { Empty } from '../components/empty.tsx'
import { number, plural } from '../components/format.ts'
import { Notice } from '../components/notice.tsx'
import { PageHead } from '../components/page-head.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { Plate, State } from '../components/state.tsx'
import { Count, Table } from '../components/table.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { AdminTabs } from './admin-tabs.tsx'

interface LiveProps {
  state: KeyState
  /** Whether keys are being re-wrapped right now, by any process. */
  isBusy: boolean
  /** Why the last rotation of this process stopped. */
  problem: string | undefined
  now: Date
}

/** `GET /admin/keys`: the versions of the master key and what can be done with them. */
export const KeysPage = ({ state, isBusy, problem, now, ...frame }: LiveProps & Frame) => (
  <Shell frame={frame} title="Master keys" place="admin" live={isBusy}>
    <PageHead
      title="Master keys"
      plate={
        state.sealed === undefined ? (
          <Plate state="healthy" word="Open" />
        ) : (
          <Plate state="failed" word="Sealed" />
        )
      }
      meta="Each dataset and each run has a key of its own, wrapped under a version of the master key. Without the master key nothing can be read, ever again."
    />
    <AdminTabs current="keys" role={frame.viewer?.role} />
    <div id="keys-live">
      <KeysLive state={state} isBusy={isBusy} problem={problem} now={now} />
    </div>
  </Shell>
)

/**
 * What changes while keys are being re-wrapped; also what the page then asks for every two seconds. The element that
 * asks is part of what is swapped, so that it goes when the work has ended.
 */
export const KeysLive = ({ state, isBusy, problem, now }: LiveProps) => (
  <>
    {isBusy ? (
      <div
        id="keys-poll"
        hidden
        hx-get="/admin/keys"
        hx-trigger="every 2s"
        hx-target="#keys-live"
        hx-swap="innerMorph"
        hx-config="timeout:8s"
      />
    ) : null}
    <Sealed state={state} />
    <Rotation state={state} isBusy={isBusy} problem={problem} />
    <Versions state={state} isBusy={isBusy} now={now} />
    <Destroyed state={state} />
  </>
)

const Sealed = ({ state: { sealed } }: { state: KeyState }) =>
  sealed === undefined ? null : (
    <div class="notices">
      <Notice state="failed">{sealed.message}</Notice>
    </div>
  )

const Rotation = ({ state, isBusy, problem }: Omit<LiveProps, 'now'>) => {
  const unfinished = unfinishedRotation(state)
  return (
    <Section
      id="rotation"
      title="Rotation"
      note="Re-wraps every key under a new version. The portal goes on meanwhile; no object is touched."
    >
      {unfinished === undefined ? (
        <p>
          <State
            state={isBusy ? 'running' : 'healthy'}
            word={isBusy ? 'A change of the keys goes on' : 'Every key is under the version in use'}
          />
        </p>
      ) : (
        <>
          <p>
            <State
              state={isBusy ? 'running' : 'degraded'}
              word={
                isBusy
                  ? `Rotation to version ${unfinished.to} goes on`
                  : `Rotation to version ${unfinished.to} was interrupted`
              }
              more={`${number(unfinished.done)} of ${plural(unfinished.total, 'key')}`}
            />
          </p>
          <progress
            class="progress"
            max={unfinished.total}
            value={unfinished.done}
            aria-label={`Keys under version ${unfinished.to}`}
          />
        </>
      )}
      {problem === undefined ? null : (
        <div class="notices">
          <Notice state="failed">{problem}</Notice>
        </div>
      )}
      {isBusy || state.sealed !== undefined ? null : (
        <p class="actions">
          <a class="button button--primary" href="/admin/keys/rotation">
            {unfinished === undefined ? 'Rotate…' : 'Go on with the rotation…'}
          </a>
        </p>
      )}
    </Section>
  )
}

const Versions = ({ state, isBusy, now }: Omit<LiveProps, 'problem'>) => (
  <Section
    id="versions"
    title="Versions"
    count={number(state.masterKeys.length)}
    note={
      state.oldestKeyAt === undefined ? (
        'No dataset and no run has a key yet.'
      ) : (
        <>
          The oldest key of a dataset or run was made <RelativeTime at={state.oldestKeyAt} now={now} />.
        </>
      )
    }
  >
    {state.masterKeys.length === 0 ? (
      <Empty>No version was ever used here.</Empty>
    ) : (
      <Table labelledBy="versions" kind="table--stack">
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">State</th>
            <th scope="col">Made</th>
            <th scope="col" class="num">
              Keys under it
            </th>
            <th scope="col">
              <span class="vh">Action</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {state.masterKeys.toReversed().map((master) => (
            <tr>
              <th scope="row" class="main-cell">
                Version {master.version}
              </th>
              <td data-label="State">
                {master.isCurrent ? (
                  <State state="healthy" word="In use" />
                ) : master.keys > 0 ? (
                  <State state="degraded" word="Still needed" />
                ) : (
                  <State state="queued" word="Not needed" />
                )}
              </td>
              <td data-label="Made">
                <RelativeTime at={master.createdAt} now={now} />
              </td>
              <Count value={master.keys} label="Keys under it" />
              <td>
                <Retire master={master} canChange={!isBusy && state.sealed === undefined} />
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    )}
  </Section>
)

const Retire = ({ master, canChange }: { master: MasterKeyState; canChange: boolean }) =>
  master.isCurrent || master.keys > 0 || !canChange ? null : (
    <a class="button button--s button--danger" href={`/admin/keys/${master.version}/retirement`}>
      Retire…<span class="vh"> version {master.version}</span>
    </a>
  )

const Destroyed = ({ state }: { state: KeyState }) => (
  <Section id="destroyed" title="Destroyed keys" count={number(state.destroyed)}>
    {state.destroyedAgain.length === 0 ? (
      <p class="quiet">No destroyed key had come back when this process opened the vault.</p>
    ) : (
      <>
        <p>
          <State
            state="degraded"
            word={`${plural(state.destroyedAgain.length, 'destroyed key')} had come back, from a backup, and ${state.destroyedAgain.length === 1 ? 'was' : 'were'} destroyed again`}
          />
        </p>
        <ul>
          {state.destroyedAgain.map(({ owner, keyVersion }) => (
            <li>
              <span class="id">{owner}</span>, key version {keyVersion}
            </li>
          ))}
        </ul>
      </>
    )}
    {state.damagedKeys.length === 0 ? null : (
      <>
        <p>
          <State
            state="failed"
            word={`${plural(state.damagedKeys.length, 'wrapped key')} cannot be read: restore ${state.damagedKeys.length === 1 ? 'it' : 'them'} from a backup of the keys`}
          />
        </p>
        <ul>
          {state.damagedKeys.map((key) => (
            <li class="id">{key}</li>
          ))}
        </ul>
      </>
    )}
  </Section>
)
