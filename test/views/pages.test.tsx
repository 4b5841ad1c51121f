import { describe, expect, it } from 'vitest'
import { operationOf } from '../../src/domain/auth/operations.ts'
import { layoutBoard } from '../../src/domain/flows/board/board-layout.ts'
import { RunConfiguration } from '../../src/domain/pipeline/run.ts'
import { periodicStates } from '../../src/domain/system/periodic-work.ts'
import type { KeyState } from '../../src/domain/vault/key-state.ts'
import { AccountPage } from '../../src/views/account/account-page.tsx'
import { ApiKeysPage } from '../../src/views/account/api-keys-page.tsx'
import { CreatedKeyPage, NewKeyPage } from '../../src/views/account/new-key-page.tsx'
import { RevokeKeyPage } from '../../src/views/account/revoke-key-page.tsx'
import { EnrolPage, RecoveryCodesPage } from '../../src/views/account/second-factor-page.tsx'
import { StepUpPage } from '../../src/views/account/step-up-page.tsx'
import { AdminApiKeysPage } from '../../src/views/admin/api-keys-page.tsx'
import { BoardsPage } from '../../src/views/admin/boards-page.tsx'
import { KeyChangePage } from '../../src/views/admin/key-change-page.tsx'
import { KeysPage } from '../../src/views/admin/keys-page.tsx'
import { LimitsPage } from '../../src/views/admin/limits-page.tsx'
import { PermissionsPage } from '../../src/views/admin/permissions-page.tsx'
import { RetentionPage } from '../../src/views/admin/retention-page.tsx'
import { SessionsPage } from '../../src/views/admin/sessions-page.tsx'
import { SubjectsPage } from '../../src/views/admin/subjects-page.tsx'
import { SystemPage } from '../../src/views/admin/system-page.tsx'
import { UsersPage } from '../../src/views/admin/users-page.tsx'
import { ActivityPage } from '../../src/views/audit/activity-page.tsx'
import { AuditPage } from '../../src/views/audit/audit-page.tsx'
import { EntryPage } from '../../src/views/audit/entry-page.tsx'
import { ReportPage } from '../../src/views/audit/report-page.tsx'
import { BoardPage } from '../../src/views/board/board-page.tsx'
import { DashboardPage } from '../../src/views/dashboard/dashboard-page.tsx'
import { DatasetPage } from '../../src/views/datasets/dataset-page.tsx'
import { DatasetsPage } from '../../src/views/datasets/datasets-page.tsx'
import { DeletePage } from '../../src/views/datasets/delete-page.tsx'
import { MappingPage } from '../../src/views/datasets/mapping-page.tsx'
import { UploadPage } from '../../src/views/datasets/upload-page.tsx'
import { DeletionPage } from '../../src/views/deletions/deletion-page.tsx'
import { DeletionsPage } from '../../src/views/deletions/deletions-page.tsx'
import { ConfigurationPage } from '../../src/views/flows/configuration-page.tsx'
import { FlowPage } from '../../src/views/flows/flow-page.tsx'
import { FlowsPage } from '../../src/views/flows/flows-page.tsx'
import { MermaidPage } from '../../src/views/flows/mermaid-page.tsx'
import { ProcessPage } from '../../src/views/flows/process-page.tsx'
import { TryPage } from '../../src/views/flows/try-page.tsx'
import { NewPasswordPage } from '../../src/views/new-password.tsx'
import { ProblemPage } from '../../src/views/problem-page.tsx'
import { AgainPage } from '../../src/views/runs/again-page.tsx'
import { CancelPage } from '../../src/views/runs/cancel-page.tsx'
import { HistoryPage } from '../../src/views/runs/history-page.tsx'
import { NewRunPage } from '../../src/views/runs/new-run-page.tsx'
import { QuarantinePage } from '../../src/views/runs/quarantine-page.tsx'
import { QuarantineRecordPage, type RecordView } from '../../src/views/runs/quarantine-record-page.tsx'
import { QuarantineRepairsPage } from '../../src/views/runs/quarantine-repairs-page.tsx'
import { RunPage } from '../../src/views/runs/run-page.tsx'
import { RunsPage } from '../../src/views/runs/runs-page.tsx'
import { SetUpPage } from '../../src/views/set-up.tsx'
import { SignInPage } from '../../src/views/sign-in.tsx'
import { SignInCodePage } from '../../src/views/sign-in-code.tsx'
import { chain } from '../support/flows/flow-text.ts'
import { watched } from '../support/flows/watched.ts'
import { auditRow, entryView, logState, nothingListed, report, verification } from './audit-fixtures.ts'
import {
  apiKey,
  datasetSummary,
  datasetView,
  deletion,
  hostile,
  longName,
  now,
  runSummary,
  runView,
  viewer,
} from './fixtures.ts'
import { firstProcess, flowPage, flowPicture, refusedFile } from './flow-fixtures.ts'

const none = { rows: [], page: 1, size: 50, total: 0 }
const paged = <T,>(row: T) => ({ rows: [row], page: 2, size: 1, total: 9 })

const excerpt = { isCutBefore: true, isCutAfter: true, isRendered: false }
const quarantined: RecordView = {
  datasetId: 'ds_1',
  ordinal: 2,
  stage: 'ingestion',
  reason: 'json-invalid',
  file: 'a.jsonl',
  line: null,
  byteOffset: 7,
  index: 2,
  of: 3,
  previous: '/runs/1/quarantine/ds_1/1',
  next: '/runs/1/quarantine/ds_1/3',
  isLoneRow: true,
}

const keyState = (text: string): KeyState => ({
  sealed: { reason: 'wrong', message: text },
  masterKeys: [
    { version: 1, createdAt: now, keys: 2, isCurrent: false },
    { version: 2, createdAt: now, keys: 1, isCurrent: true },
  ],
  damagedKeys: [text],
  oldestKeyAt: now,
  destroyed: 1,
  destroyedAgain: [{ owner: text, keyVersion: 1 }],
})

const person = (text: string) => ({
  name: text,
  email: text,
  role: 'moderator' as const,
  hasSecondFactor: true,
  sessions: 2,
  lastSeenAt: now,
})

/** A board whose flow, words and reasons are all the text. */
const boardOf = (text: string) => {
  const { flow } = watched(chain())
  const named = { ...flow, name: text, processes: flow.processes.map((each) => ({ ...each, name: text })) }
  const process = { probable: false, word: text, since: text, line: text }
  return {
    flow: named,
    layout: layoutBoard(named),
    state: {
      worst: 'failed' as const,
      headline: { before: text, name: text, after: text, size: 's' as const },
      because: text,
      warning: text,
      title: text,
      icon: 'failed-1',
      counts: { failed: 1, confirming: 0, waits: 1, unknown: 1, degraded: 0, 'at-risk': 0, healthy: 0 },
      processes: [
        { id: 'a', look: 'failed' as const, ...process },
        { id: 'b', look: 'waits' as const, ...process },
        { id: 'c', look: 'unknown' as const, ...process },
      ],
      tracks: ['starved' as const, 'flows' as const],
    },
    version: { seq: 1, bootId: 'boot_1', configHash: 'a', assets: 'b' },
    rotation: { next: text, afterMs: 5_000 },
    access: 'session' as const,
    mayMakeLinks: true,
    now,
  }
}

/** Every page with rows, all of its text being `text`. */
const full = (text: string): Record<string, unknown> => ({
  'sign-in': <SignInPage email={text} problem={text} next={text} />,
  limits: (
    <LimitsPage
      frame={{ viewer: { name: text } }}
      overrides={[{ target: 'exports', role: 'viewer', amount: 3, setBy: text, setAt: now }]}
      asked={{
        target: text,
        role: text,
        amount: text,
        problem: { kind: 'invalid', message: text, field: 'amount' },
      }}
      now={now}
    />
  ),
  'set-up': <SetUpPage token={text} problem={text} name={text} email={text} />,
  dashboard: (
    <DashboardPage
      viewer={{ name: text }}
      notices={[{ state: 'healthy', text }]}
      attention={{
        items: [{ id: '1', state: 'failed', title: text, detail: text, href: '/runs/1', since: now }],
        hasMore: true,
      }}
      running={{ ...paged(runSummary(text)), total: 63 }}
      recent={[datasetSummary(text)]}
      recentRuns={[{ ...runSummary(text, 'failed'), problem: text }]}
      flows={[flowPicture(text)]}
      now={now}
    />
  ),
  datasets: <DatasetsPage viewer={viewer} datasets={paged(datasetSummary(text))} q={text} now={now} />,
  'datasets to choose from': (
    <DatasetsPage
      viewer={viewer}
      datasets={paged(datasetSummary(text))}
      q={text}
      chosen={[text, datasetSummary(text).id]}
      now={now}
    />
  ),
  'cancel a run': <CancelPage viewer={viewer} run={runSummary(text)} />,
  'run together': (
    <NewRunPage
      viewer={viewer}
      datasets={[text, 'another'].map((name) => ({
        id: name,
        name,
        files: 2,
        bytes: 1_225_678,
        conversations: null,
        isUploading: true,
        isMapped: false,
      }))}
      idempotencyKey={text}
      checks={[{ name: text, title: text }]}
      problems={[{ field: `chosen-${text}`, message: text }]}
    />
  ),
  upload: (
    <UploadPage viewer={viewer} maxBytes={5e9} name={text} problems={[{ field: 'name', message: text }]} />
  ),
  dataset: (
    <DatasetPage
      viewer={viewer}
      dataset={datasetView(text)}
      checks={[{ name: 'privacy', title: text }]}
      problems={[{ field: 'threshold', message: text }]}
      now={now}
    />
  ),
  'dataset deletion': (
    <DeletePage
      viewer={viewer}
      dataset={{ summary: datasetSummary(text), runs: 3, exports: 2 }}
      problem={text}
    />
  ),
  mapping: (
    <MappingPage
      viewer={viewer}
      dataset={{ id: 'ds_1', name: text }}
      values={{ shape: 'rows', fields: { keyField: text }, roles: [{ name: text, as: 'user' }] }}
      columns={['a', text]}
      problems={[{ field: 'keyField', message: text }]}
    />
  ),
  runs: (
    <RunsPage
      viewer={viewer}
      runs={paged(runSummary(text))}
      filter={{ status: 'running', dataset: text, owner: 'usr_1' }}
      owners={[{ id: 'usr_1', name: text }]}
      stuck={new Set([runSummary(text).id])}
      now={now}
    />
  ),
  'history of a run': (
    <HistoryPage
      viewer={viewer}
      run={runSummary(text)}
      events={[{ id: 7, at: now, kind: 'retry', stage: 'quality', shard: 1, message: text }]}
      kinds={['retry']}
      kind="retry"
      isLater
      next={7}
    />
  ),
  'run again': (
    <AgainPage
      viewer={viewer}
      run={runSummary(text)}
      configuration={runView(text).configuration}
      priority={3}
      idempotencyKey="k"
      checks={[{ name: 'privacy', title: text }]}
      problems={[{ field: 'threshold', message: text }]}
    />
  ),
  flows: <FlowsPage viewer={viewer} pictures={[flowPicture(text)]} refused={[refusedFile(text)]} now={now} />,
  flow: <FlowPage viewer={viewer} {...flowPage(text)} />,
  'process of a flow': (
    <ProcessPage
      viewer={viewer}
      picture={flowPicture(text)}
      process={{ ...firstProcess(text), description: text, owner: text, runbook: text, tags: [text] }}
      mayCheck
      asked={text}
      results={{
        check: 'a_port',
        columns: [text, 'file'],
        found: paged({ file: text, [text]: 7 }),
        at: now.getTime(),
        q: text,
        path: '/flows/chain/processes/a',
      }}
      now={now}
    />
  ),
  'configuration of a flow': (
    <ConfigurationPage
      viewer={viewer}
      watched={{ ...flowPicture(text).watched, text, refused: refusedFile(text) }}
      now={now}
    />
  ),
  'Mermaid of a flow': <MermaidPage viewer={viewer} watched={flowPicture(text).watched} source={text} />,
  'trying a flow': (
    <TryPage
      viewer={viewer}
      text={text}
      mistakes={refusedFile(text).mistakes}
      tried={{
        flow: flowPicture(text).watched.flow,
        assessment: flowPicture(text).assessment,
        given: new Map([['a', 'failed']]),
        drawn: { ok: false, problem: { kind: 'too-large', message: text } },
      }}
      problems={[{ field: 'text', message: text }]}
    />
  ),
  'stale run': <RunPage viewer={viewer} run={{ ...runView(text), staleAt: now, canRunAgain: true }} />,
  deletions: (
    <DeletionsPage
      viewer={viewer}
      deletions={{ rows: [deletion(text)], page: 1, size: 50, total: 1 }}
      now={now}
    />
  ),
  deletion: <DeletionPage viewer={viewer} deletion={deletion(text)} canConfirm now={now} />,
  certificate: (
    <DeletionPage
      viewer={viewer}
      deletion={{ ...deletion(text), status: 'done', finishedAt: now, problem: text }}
      canConfirm
      now={now}
    />
  ),
  retention: (
    <RetentionPage
      viewer={viewer}
      settings={{ rule: { kind: 'forever' }, changedAt: now }}
      typed={{ kind: text, days: text, maximumDays: text }}
      problems={[{ field: 'days', message: text }]}
    />
  ),
  subjects: <SubjectsPage viewer={viewer} unsearched={2} problems={[{ field: 'subject', message: text }]} />,
  run: (
    <RunPage
      viewer={viewer}
      run={{
        ...runView(text),
        problem: text,
        events: [{ at: now, text }],
        progress: { kind: 'paused', because: text },
        parent: { id: text, configuration: RunConfiguration.parse({ checks: [text] }) },
        followers: [text],
        reused: [{ id: text, shards: 40, isVisible: true }],
      }}
    />
  ),
  quarantine: (
    <QuarantinePage
      viewer={viewer}
      run={runSummary(text)}
      reasons={[{ reason: text, stage: 'ingestion', count: 1, first: { line: 1, ordinal: 1 } }]}
      repairs={2}
      mayWrite
      isRunning={false}
      idempotencyKey="req_1"
      stage="ingestion"
      reason="json-invalid"
      done={{ repaired: 1, looked: 2, left: 3, last: 'ds_1.4' }}
      rows={paged({
        id: '1',
        datasetId: 'ds_1',
        href: '/runs/1/quarantine/ds_1/2',
        isRepaired: true,
        stage: 'ingestion' as const,
        reason: text,
        file: text,
        line: null,
        byteOffset: 7,
        ordinal: 3,
      })}
    />
  ),
  'quarantined record': (
    <QuarantineRecordPage
      viewer={viewer}
      run={runSummary(text)}
      record={{
        ...quarantined,
        reason: text,
        file: text,
        source: { ...excerpt, before: text, marked: text, after: text },
        proposal: [
          { kind: 'kept', text },
          { kind: 'cut', text },
          { kind: 'added', text },
        ],
        repair: { kind: 'edited', madeBy: text, madeAt: now, isOwn: true },
        draft: text,
      }}
      mayWrite
      problem={text}
      now={now}
    />
  ),
  'repair of many records': (
    <QuarantineRepairsPage
      viewer={viewer}
      run={runSummary(text)}
      stage="ingestion"
      reason={text}
      looked={10_000}
      repairable={9_000}
      left={5}
      after={text}
      last={text}
    />
  ),
  'dataset, shared': (
    <DatasetPage
      viewer={viewer}
      dataset={datasetView(text)}
      checks={[{ name: 'a', title: text }]}
      sharing={{
        shares: [
          { id: 'shr_1', with: { name: text, email: text }, right: 'run' },
          { id: 'shr_2', with: { role: 'user' }, right: 'read' },
        ],
        typed: text,
        problems: [{ field: 'with', message: text }],
      }}
      now={now}
    />
  ),
  'sign-in, code': <SignInCodePage challenge={text} problem={text} next={text} />,
  'new password': (
    <NewPasswordPage
      token={text}
      kind="invitation"
      name={text}
      email={text}
      leastLength={15}
      problem={text}
    />
  ),
  account: (
    <AccountPage
      frame={{ viewer }}
      user={{ id: 'usr_1', name: text, email: text, role: 'user' }}
      sessions={[{ hash: 'a', userAgent: text, createdAt: now, lastSeenAt: now }]}
      current="a"
      secondFactor={{ isOn: true, codesLeft: 9 }}
      problem={text}
      now={now}
    />
  ),
  'API keys': (
    <ApiKeysPage
      viewer={viewer}
      keys={[apiKey(text), { ...apiKey(text), lastUsedAt: now }, { ...apiKey(text), revokedAt: now }]}
      hasMore
      now={now}
    />
  ),
  'new API key': (
    <NewKeyPage
      viewer={viewer}
      typed={{ name: text, scopes: [text, 'data:read'], days: text }}
      problems={['name', 'scopes', 'days'].map((field) => ({ field, message: text }))}
    />
  ),
  'API key, shown once': <CreatedKeyPage viewer={viewer} name={text} value={text} />,
  'revocation of an API key': (
    <RevokeKeyPage
      viewer={viewer}
      apiKey={{ ...apiKey(text), lastUsedAt: now }}
      list="/admin/api-keys"
      now={now}
    />
  ),
  'API keys of everybody': (
    <AdminApiKeysPage
      viewer={{ ...viewer, role: 'admin' }}
      keys={[apiKey(text)]}
      hasMore={false}
      q={text}
      now={now}
    />
  ),
  'step-up': <StepUpPage frame={{ viewer }} next={text} from={text} hasSecondFactor problem={text} />,
  'second factor': (
    <EnrolPage frame={{ viewer }} enrolment={{ base32: text, uri: text }} isRequired problem={text} />
  ),
  'recovery codes': <RecoveryCodesPage frame={{ viewer }} codes={[text]} />,
  people: (
    <UsersPage
      viewer={{ ...viewer, role: 'admin' }}
      page={{
        people: [
          { ...person(text), id: 'usr_1', status: 'active' },
          { ...person(text), id: 'usr_2', status: 'disabled' },
        ],
        total: 700,
        before: 'usr_1',
        after: 'usr_2',
      }}
      filter={{ q: text, role: 'user', after: 'usr_0' }}
      hasMail
      link={{ for: text, email: text, href: text, mailed: 'refused' }}
      typed={{ name: text, email: text, role: 'user' }}
      problems={[{ field: 'email', message: text }]}
      now={now}
    />
  ),
  sessions: (
    <SessionsPage
      viewer={{ ...viewer, role: 'admin' }}
      sessions={[{ hash: 'a', user: text, email: text, userAgent: text, createdAt: now, lastSeenAt: now }]}
      hasMore={false}
      q={text}
      current={undefined}
      now={now}
    />
  ),
  boards: (
    <BoardsPage
      viewer={{ ...viewer, role: 'admin' }}
      links={[null, now].map((at) => ({
        id: 'brd_1',
        name: text,
        flowId: at === null ? null : text,
        createdBy: text,
        createdAt: now,
        lastUsedAt: at,
        expiresAt: at,
        revokedAt: at,
      }))}
      flows={[{ id: 'flow', name: text }]}
      link={{ for: text, href: text }}
      typed={{ name: text, flow: text, days: text }}
      problems={[{ field: 'name', message: text }]}
      now={now}
    />
  ),
  'wall board': <BoardPage {...boardOf(text)} />,
  keys: (
    <KeysPage viewer={{ name: text, role: 'admin' }} state={keyState(text)} isBusy problem={text} now={now} />
  ),
  'rotation of the keys': (
    <KeyChangePage
      viewer={{ name: text, role: 'admin' }}
      change="rotation"
      keys={keyState(text)}
      unfinished={{ to: 2, done: 1, total: 3 }}
      problem={text}
      now={now}
    />
  ),
  'retirement of a key': (
    <KeyChangePage
      viewer={{ name: text, role: 'admin' }}
      change={1}
      keys={keyState(text)}
      unfinished={undefined}
      problem={text}
      now={now}
    />
  ),
  system: (
    <SystemPage
      viewer={{ name: text, role: 'admin' }}
      checks={[{ name: 'workers', state: 'failed', word: text, sentence: text }]}
      periodic={periodicStates([], now)}
      host={{
        version: text,
        nodeVersion: text,
        startedAt: now,
        settings: [{ name: text, value: text, isGiven: true }],
      }}
      database={{ version: text, role: text, name: text, bytes: 1 }}
      keys={keyState(text)}
      disk={{ freeBytes: 1, totalBytes: 2 }}
      workers={[
        { id: 1, host: text, pid: 1, threads: 2, startedAt: now, seenAt: now, paused: text, isLost: false },
      ]}
      queue={{ runsQueued: 0, runsRunning: 0, shardsWaiting: 0, shardsWorking: 0 }}
      audit={{
        rows: 1,
        waiting: 1,
        waitingSince: now,
        checkpoint: { size: 1, at: now },
        verification: { at: now, outcome: 'tampered', finding: text },
        isOwnedByApplication: true,
      }}
      housekeeper={{ since: now }}
      now={now}
    />
  ),
  permissions: (
    <PermissionsPage
      viewer={{ name: text, role: 'admin' }}
      operations={[{ name: text, ...operationOf('dataset.delete') }]}
    />
  ),
  'audit log': (
    <AuditPage
      viewer={{ name: text, role: 'admin' }}
      state={{
        ...logState,
        verification: { ...verification, outcome: 'tampered', finding: text, seq: 3 },
        isOwnedByApplication: true,
      }}
      list={{
        rows: [auditRow(text), { ...auditRow(text), seq: 3 }],
        older: 3,
        newer: 9,
        searchedTo: now,
        isNewest: true,
        isCut: false,
      }}
      query={{ actor: text, action: text }}
      review={{ throughSeq: 4, by: text, at: now }}
      may={{ export: true, review: true }}
      tail={{ newest: 9, view: text }}
      now={now}
    />
  ),
  'audit entry': (
    <EntryPage
      viewer={{ name: text, role: 'moderator' }}
      view={entryView(text)}
      row={auditRow(text)}
      now={now}
    />
  ),
  'own activity': (
    <ActivityPage
      viewer={viewer}
      list={{
        rows: [auditRow(text)],
        older: null,
        newer: null,
        searchedTo: null,
        isNewest: true,
        isCut: true,
      }}
      query={{ action: text }}
      now={now}
    />
  ),
  'compliance report': (
    <ReportPage
      viewer={{ name: text, role: 'admin' }}
      report={report(text)}
      days={{ from: '2026-11-01', to: '2026-11-30' }}
      state={{ ...logState, verification }}
      review={{ throughSeq: 4, by: text, at: now }}
      keys={keyState(text)}
      madeBy={text}
      now={now}
    />
  ),
  problem: <ProblemPage viewer={viewer} status={404} message={text} requestId={text} />,
})

const empty: Record<string, unknown> = {
  dashboard: (
    <DashboardPage
      attention={{ items: [], hasMore: false }}
      running={none}
      recent={[]}
      recentRuns={[]}
      now={now}
    />
  ),
  datasets: <DatasetsPage datasets={none} now={now} />,
  'datasets, filtered': <DatasetsPage datasets={none} q="x" now={now} />,
  runs: <RunsPage runs={none} now={now} />,
  'runs, filtered': <RunsPage runs={none} filter={{ status: 'failed', dataset: 'x' }} now={now} />,
  'history of a run': <HistoryPage run={runSummary('a')} events={[]} kinds={[]} isLater={false} />,
  dataset: (
    <DatasetPage
      dataset={{ ...datasetView('a'), files: [], runs: [], sample: null, canDelete: false }}
      checks={[]}
      now={now}
    />
  ),
  run: (
    <RunPage
      run={{
        ...runView('a'),
        ledger: [],
        stages: [],
        recordsTotal: null,
        exports: [],
        quarantineByReason: [],
      }}
    />
  ),
  quarantine: (
    <QuarantinePage
      run={runSummary('a')}
      reasons={[]}
      rows={none}
      repairs={0}
      mayWrite={false}
      isRunning={false}
      idempotencyKey="req_1"
    />
  ),
  'quarantined record': (
    <QuarantineRecordPage run={runSummary('a')} record={quarantined} mayWrite now={now} />
  ),
  'audit log': (
    <AuditPage
      state={logState}
      list={{ rows: [], older: null, newer: null, searchedTo: null, isNewest: true, isCut: true }}
      query={{}}
      review={undefined}
      may={{ export: false, review: false }}
      tail={{ newest: 0, view: 'req_1' }}
      now={now}
    />
  ),
  'audit log, searched in vain': (
    <AuditPage
      state={logState}
      list={{ rows: [], older: 7, newer: null, searchedTo: now, isNewest: false, isCut: false }}
      query={{ outcome: 'failed' }}
      review={undefined}
      may={{ export: false, review: false }}
      tail={{ newest: 0, view: 'req_1' }}
      now={now}
    />
  ),
  'audit entry': (
    <EntryPage
      view={{ ...entryView('a'), details: null, receipt: [], proof: { kind: 'waiting' }, isLeafRight: false }}
      row={{ ...auditRow('a'), object: { type: 'run', id: 'run_1', name: null, href: null }, address: null }}
      now={now}
    />
  ),
  'own activity': (
    <ActivityPage
      list={{ rows: [], older: null, newer: null, searchedTo: null, isNewest: true, isCut: true }}
      query={{}}
      now={now}
    />
  ),
  'compliance report': (
    <ReportPage
      report={{
        period: { from: now, to: now },
        access: nothingListed,
        failedSignIns: nothingListed,
        denied: nothingListed,
        exports: nothingListed,
        deletions: nothingListed,
        roleChanges: nothingListed,
      }}
      days={{ from: '2026-11-01', to: '2026-11-30' }}
      state={logState}
      review={undefined}
      keys={keyState('none')}
      madeBy="Mara"
      now={now}
    />
  ),
  problem: <ProblemPage status={500} message="It broke." />,
}

const render = async (page: unknown): Promise<string> => String(await page)

describe.each(Object.keys(full('')))('page %s', (name) => {
  it('escapes whatever a user may have written', async () => {
    const page = await render(full(hostile)[name])
    expect(page).not.toContain('<script>alert')
    expect(page).not.toContain('<img src=x')
    expect(page).toContain('&lt;script&gt;')
  })

  it('stands under a policy without inline code, with each id once', async () => {
    const page = await render(full(longName)[name])
    expect(page).toMatch(/^<!doctype html>\s*<html lang="en"[ >]/)
    expect(page).not.toMatch(/\sstyle="|\son[a-z]+="|<style|javascript:/)
    expect(page.match(/<h1/g)).toHaveLength(1)
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map((match) => match[1])
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
  })
})

describe.each(Object.entries(empty))('without rows: %s', (_name, page) => {
  it('renders, and says what to do next', async () => {
    const text = await render(page)
    expect(text).toContain('</html>')
    expect(text).not.toMatch(/undefined|NaN|\[object/)
  })
})

describe('the shell', () => {
  it('leads to one’s own account by one’s name', async () => {
    const page = await render(<RunsPage viewer={viewer} runs={none} now={now} />)
    const link = /<a [^>]*href="\/account"[^>]*>(.*?)<\/a>/s.exec(page)?.[1]
    expect(link).toContain(viewer.name)
    expect(await render(<RunsPage runs={none} now={now} />)).not.toContain('/account')
  })
})

describe('the list of runs', () => {
  it('asks for itself only while a run on it can change', async () => {
    const page = (status: 'running' | 'completed') =>
      render(
        <RunsPage
          runs={{ rows: [runSummary('a', status)], page: 2, size: 1, total: 2 }}
          filter={{ mode: 'adaptive' }}
          now={now}
        />,
      )
    expect(await page('running')).toMatch(
      /hx-get="\/runs\?mode=adaptive&amp;page=2"[^>]*hx-trigger="every 2s"/,
    )
    expect(await page('completed')).not.toContain('hx-get')
  })

  it('says which filters leave nothing, and how each is removed', async () => {
    const page = await render(
      <RunsPage runs={none} filter={{ status: 'failed', dataset: 'chat' }} now={now} />,
    )
    expect(page).toContain('No run matches State: failed, Dataset: “chat”.')
    expect(page).toContain('href="/runs?dataset=chat"')
    expect(page).toContain('href="/runs?status=failed"')
    expect(page).toContain('href="/runs">Clear all filters')
  })
})

describe('a dataset', () => {
  it('is deleted over a page where there is no script, and over a dialog where there is', async () => {
    const page = await render(<DatasetPage dataset={datasetView('a')} checks={[]} now={now} />)
    const { id } = datasetView('a').summary
    expect(page).toContain(`href="/datasets/${id}/delete" data-dialog="delete"`)
    expect(page).toContain('<dialog class="dialog" id="delete"')
  })
})

describe('records removed from Parquet', () => {
  it('leave a remark on their dataset and in the certificate', async () => {
    const view = datasetView('a')
    const [file] = view.files
    if (!file?.detection) throw new Error('the fixture has no file')
    const remark = 'copied as JSON Lines when records were removed'
    expect(await render(<DatasetPage dataset={view} checks={[]} now={now} />)).not.toContain(remark)
    const detection = { ...file.detection, copiedAsJsonLinesAt: now.toISOString() }
    const copied = { ...view, files: [{ ...file, detection }] }
    expect(await render(<DatasetPage dataset={copied} checks={[]} now={now} />)).toContain(remark)
    const certificate = { ...deletion('a'), status: 'done', finishedAt: now } as const
    const page = await render(
      <DeletionPage viewer={viewer} deletion={certificate} canConfirm={false} now={now} />,
    )
    expect(page).toMatch(/1\sParquet file that held such records/)
  })
})

describe('a record in quarantine', () => {
  const page = (record: Partial<RecordView>, mayWrite = true) =>
    render(
      <QuarantineRecordPage
        run={runSummary('a')}
        record={{ ...quarantined, ...record }}
        mayWrite={mayWrite}
        now={now}
      />,
    )

  it('shows its text with the place that is wrong, also where that is its end', async () => {
    const source = { ...excerpt, before: '{"a":', marked: '#', after: '1}' }
    expect(await page({ source })).toContain('{&quot;a&quot;:<mark>#</mark>1}')
    expect(await page({ source: { ...source, marked: '', after: '' } })).toContain('>ends here</mark>')
  })

  it('offers what can be done only to whoever may do it', async () => {
    const all: Partial<RecordView> = {
      proposal: [{ kind: 'added', text: '}' }],
      repair: { kind: 'proposed', madeBy: 'M', madeAt: now, isOwn: true },
      draft: '{}',
    }
    const offered = ['Apply this repair', 'Take back', 'Save repair']
    const own = await page(all)
    for (const button of offered) expect(own).toContain(button)
    const read = await page(all, false)
    for (const button of offered) expect(read).not.toContain(button)
    expect(await page({ repair: { kind: 'edited', madeBy: 'M', madeAt: now, isOwn: false } })).not.toContain(
      'Take back',
    )
  })

  it('says that a record too long is not edited here', async () => {
    expect(await page({})).toContain('too long to be edited here')
  })
})

describe('a run', () => {
  it('follows itself only while it can change', async () => {
    expect(await render(<RunPage run={runView('a')} />)).toContain('data-live="/runs/run_9c27hx/events"')
    expect(await render(<RunPage run={{ ...runView('a'), status: 'completed' }} />)).not.toContain(
      'data-live=',
    )
  })

  it('says what is done now, by whom it is waited for, and how long it takes', async () => {
    const run = runView('a')
    const stages = run.stages.map((stage) =>
      stage.status === 'running'
        ? { ...stage, attempts: 9, retried: 2, lost: 1, waiting: { shards: 1, seconds: 3.2 } }
        : stage,
    )
    const page = await render(<RunPage run={{ ...run, stages, workingMore: 3 }} />)
    expect(page).toContain('about 1–3\u00a0min')
    expect(page).toContain('9, 2 retried, 1 lost with their worker')
    expect(page).toContain('1 waits 4.0\u00a0s for its retry')
    expect(page).toContain('Validation: shard 12 of 50, attempt 2, 3.0\u00a0s')
    expect(page).toContain('and 3\u00a0more shards')
  })

  it('says one word beside its state, with a mark of its own and the reason', async () => {
    const page = (kind: 'slow' | 'stuck' | 'paused' | 'waiting') =>
      render(<RunPage run={{ ...runView('a'), progress: { kind, because: 'no room on the disk' } }} />)
    const marks = ['slow', 'stuck', 'paused', 'waiting'] as const
    const words = await Promise.all(
      marks.map(async (kind) => {
        const text = await page(kind)
        expect(text).toContain('No room on the disk.')
        const head = text.slice(text.indexOf('page-head__title'), text.indexOf('page-head__meta'))
        return [...head.matchAll(/<span class="state (state--\w+)">.*?<\/svg>(\w+)/g)].map(([, ...it]) => it)
      }),
    )
    expect(words).toEqual([
      [['state--degraded', 'Slow']],
      [['state--failed', 'Stuck']],
      [['state--degraded', 'Paused']],
      [['state--queued', 'Waiting']],
    ])
  })

  it('says what it took over, what it goes on from and what it does otherwise', async () => {
    const run = {
      ...runView('a'),
      parent: { id: 'run_before', configuration: RunConfiguration.parse({}) },
      reused: [{ id: 'run_before', shards: 40, isVisible: true }],
      followers: ['run_after'],
    }
    const page = await render(<RunPage run={run} />)
    expect(page).toContain('href="/runs/run_before"')
    expect(page).toContain('40 of 50 shards taken over from run')
    expect(page).toMatch(/Redacted<\/th><td>nothing<\/td><td>E-mail addresses/)
    expect(page).toContain('href="/runs/run_after"')
    const foreign = { ...run, reused: [{ id: 'run_foreign', shards: 40, isVisible: false }] }
    expect(await render(<RunPage run={foreign} />)).not.toContain('href="/runs/run_foreign"')
  })

  it('is run again by whoever may, once it has ended', async () => {
    const ended = { ...runView('a'), status: 'completed' as const, canRunAgain: true, againKey: 'key' }
    const page = await render(<RunPage run={ended} />)
    expect(page).toContain('name="idempotencyKey" value="key"')
    expect(page).toContain('href="/runs/run_9c27hx/again"')
    expect(await render(<RunPage run={{ ...ended, canRunAgain: false }} />)).not.toContain('/again')
  })

  it('shows a ledger that does not sum as broken', async () => {
    const run = runView('a')
    const ledger = run.ledger.map((row, index) => (index === 0 ? { ...row, out: row.out - 1 } : row))
    expect(await render(<RunPage run={{ ...run, ledger }} />)).toContain('data-sum="broken"')
    expect(await render(<RunPage run={run} />)).not.toContain('data-sum="broken"')
  })

  it('says what an export could not carry, and nothing where it carried all', async () => {
    const [first] = runView('a').exports
    if (first === undefined) throw new Error('the fixture has exports')
    const page = (skipped: number) =>
      render(<RunPage run={{ ...runView('a'), exports: [{ ...first, skipped }] }} />)
    expect(await page(2)).toContain('2\u00a0records skipped: ChatML cannot carry them')
    expect(await page(1)).toContain('1\u00a0record skipped: ChatML cannot carry it')
    expect(await page(0)).not.toContain('cannot carry')
  })

  it('names the manifest for what it is, before and after it is written', async () => {
    const [first] = runView('a').exports
    if (first === undefined) throw new Error('the fixture has exports')
    const page = (state: 'ready' | 'waiting') =>
      render(
        <RunPage
          run={{ ...runView('a'), exports: [{ ...first, target: 'manifest', format: 'json', state }] }}
        />,
      )
    expect(await page('ready')).toMatch(/<a href="[^"]*ex_1"[^>]*>Manifest: checksums of every export</)
    expect(await page('waiting')).toContain('Manifest: checksums of every export')
    expect(await page('waiting')).not.toContain('/exports/ex_1')
  })
})
