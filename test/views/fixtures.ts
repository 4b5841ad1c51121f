import type { DatasetSummary, DatasetView } from '../../src/domain/datasets/summaries.ts'
import type { Deletion } from '../../src/domain/deletion/deletion.ts'
import { RunConfiguration, type RunStatus, stages } from '../../src/domain/pipeline/run.ts'
import type { RunSummary, RunView } from '../../src/domain/pipeline/run-view.ts'

export const now = new Date('2026-11-20T14:03:11Z')
export const hostile = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
export const longName = 'CounselChat, older scrape of 2020 with other columns, first 600 rows!!'
export const viewer = { name: 'Mara Lindqvist' }

const earlier = (seconds: number) => new Date(now.getTime() - seconds * 1000)

export const runSummary = (name: string, status: RunStatus = 'running'): RunSummary => ({
  id: 'run_9c27hx',
  datasets: [{ id: 'ds_8w3nfd', name }],
  status,
  mode: 'adaptive',
  startedBy: 'Mara Lindqvist',
  createdAt: earlier(130),
  startedAt: earlier(126),
  finishedAt: status === 'completed' ? earlier(10) : null,
  recordsTotal: 1000,
  accepted: status === 'completed' ? 900 : null,
  quarantined: 41,
  stages: stages.map((stage, index) => ({
    stage,
    status: status === 'completed' || index < 2 ? 'completed' : index === 2 ? 'running' : 'queued',
    shardsDone: status === 'completed' || index < 2 ? 4 : index === 2 ? 2 : 0,
    shardsTotal: 4,
  })),
})

/** A run at work whose numbers add up: 1,000 = 959 + 41, then 959 = 480 + 0 + 479 still inside. */
export const runView = (name: string): RunView => {
  const summary = runSummary(name)
  return {
    ...summary,
    configuration: RunConfiguration.parse({ redact: ['email'] }),
    lastProgressAt: earlier(1),
    ledger: stages.map((stage, index) => ({
      stage,
      in: index === 0 ? 1000 : index === 1 ? 970 : index === 2 ? 959 : 0,
      out: index === 0 ? 970 : index === 1 ? 959 : index === 2 ? 480 : 0,
      quarantined: index === 0 ? 30 : index === 1 ? 11 : 0,
      rejected: 0,
      duplicate: 0,
      reasons:
        index === 0
          ? { 'json-invalid': 30 }
          : index === 1
            ? { 'unknown-role': 11 }
            : ({} as Record<string, number>),
    })),
    stages: summary.stages.map((stage, index) => ({
      ...stage,
      in: index === 0 ? 1000 : 0,
      out: index === 0 ? 970 : 0,
      attempts: stage.shardsDone,
      startedAt: stage.status === 'queued' ? null : earlier(100),
      finishedAt: stage.status === 'completed' ? earlier(50) : null,
      retried: 0,
      lost: 0,
      ...(stage.status === 'running' ? { ratePerSecond: 7881, left: { from: 100, to: 170 } } : {}),
    })),
    sourceUnits: { in: 1000, grouped: 970, quarantined: 30 },
    quality: {
      accepted: 0,
      rejected: 0,
      meanScore: null,
      findings: { 'privacy/email': 12, 'clinical/crisis': 3 },
    },
    exports: [
      {
        id: 'ex_1',
        target: 'chatml',
        format: 'jsonl',
        state: 'ready',
        records: 480,
        bytes: 1_225_678,
        sha256: '0592e648acd3537ce47b44b5eafb0fbc860484cbac2dab31fa7610bb9fa87ff0',
        skipped: 2,
      },
      {
        id: 'ex_2',
        target: 'alpaca',
        format: 'csv',
        state: 'waiting',
        records: 0,
        bytes: 0,
        sha256: null,
        skipped: 0,
      },
    ],
    quarantineByReason: [
      { reason: 'json-invalid', stage: 'ingestion', count: 30, first: { line: 4118, ordinal: 4117 } },
      { reason: 'unknown-role', stage: 'standardization', count: 11, first: { line: null, ordinal: 61_204 } },
    ],
    working: [{ stage: 'validation', index: 11, of: 50, attempt: 2, seconds: 3.4 }],
    workingMore: 0,
    recordShards: 50,
    reused: [],
    followers: [],
    priority: 0,
    isOwn: true,
    canCancel: true,
    now,
  }
}

export const datasetSummary = (name: string): DatasetSummary => ({
  id: 'ds_4tq8m1',
  name,
  formats: ['csv'],
  shape: 'one row an utterance',
  files: 1,
  mayRun: true,
  bytes: 1_225_678,
  records: 4935,
  conversations: 67,
  quarantined: 0,
  meanScore: 0.91,
  lastRun: runSummary(name, 'completed'),
  countedRunId: 'run_9c27hx',
  owner: 'Mara Lindqvist',
  createdAt: earlier(900),
})

export const datasetView = (name: string): DatasetView => ({
  summary: datasetSummary(name),
  files: [
    {
      id: 'f_1',
      name: `${name}.csv`,
      bytes: 1_225_678,
      sha256: '0592e648acd3537ce47b44b5eafb0fbc860484cbac2dab31fa7610bb9fa87ff0',
      addedAt: earlier(900),
      detection: {
        layout: { format: 'csv', encoding: 'utf-8', bom: 0, delimiter: ',', columns: [name], dataOffset: 10 },
        mapping: { shape: 'none' },
        shapeName: 'one row an utterance',
        confidence: 0.7,
        evidence: [
          { question: 'encoding', answer: 'UTF-8', because: 'all bytes decode', sure: 1 },
          { question: 'dialogue', answer: name, because: '67 groups, the key never returns', sure: 0.7 },
        ],
      },
    },
  ],
  mapping: null,
  mappingEdited: false,
  columns: ['transcript_id', 'interlocutor', name],
  sample: {
    index: 2,
    of: 5,
    line: 2,
    byteOffset: 146,
    units: 203,
    raw: `{"text": ${JSON.stringify(name)}}`,
    rawCut: true,
    conversation: {
      messages: [
        { role: 'user', content: name },
        { role: 'assistant', content: '', toolCalls: [{ name: 'look_up', arguments: '{"q":1}' }] },
      ],
    },
    conversationCut: true,
    reason: null,
  },
  runs: [runSummary(name, 'completed')],
  runCount: 1,
  exports: 2,
  isLosingRecords: true,
  canEdit: true,
  canRun: true,
  canDelete: true,
})

/** The records of a subject, found in a dataset and not yet removed. */
export const deletion = (name: string): Deletion => ({
  id: 'del_1',
  kind: 'subject',
  reason: 'request',
  status: 'found',
  requestedBy: { id: 'usr_1', name },
  requestId: 'req_1',
  requestedAt: now,
  finishedAt: null,
  problem: null,
  datasets: [
    {
      datasetId: 'ds_1',
      name,
      nameHash: 'a'.repeat(64),
      files: 1,
      bytes: 2_048,
      runs: 3,
      records: 4,
      unreadable: 1,
      filesAsJsonLines: 1,
      problem: null,
      doneAt: null,
    },
  ],
  keys: [
    { owner: 'ds_1', kind: 'dataset', versions: [1, 2], objects: 12, newVersion: 3, destroyedAt: now },
    { owner: 'run_1', kind: 'run', versions: null, objects: null, newVersion: null, destroyedAt: null },
  ],
})

/** A key that nobody used yet, of someone. */
export const apiKey = (name: string) => ({
  id: 'key_1',
  ownerId: 'usr_1',
  owner: name,
  email: name,
  name,
  prefix: 'sbx_Qd3kRt',
  scopes: ['data:read', 'data:run'] as const,
  createdAt: now,
  expiresAt: new Date(now.getTime() + 30 * 86_400_000),
  lastUsedAt: null,
  revokedAt: null,
})
