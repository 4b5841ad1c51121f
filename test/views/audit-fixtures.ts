import type { AuditRow, EntryView } from '../../src/domain/audit/audit-view.ts'
import type { ComplianceReport } from '../../src/domain/audit/report.ts'
import type { LogState } from '../../src/views/audit/audit-state.tsx'
import { now } from './fixtures.ts'

export const verification = {
  at: now,
  outcome: 'whole',
  rows: 104_882,
  seconds: 2.9,
  finding: null,
  seq: null,
} as const

export const logState: LogState = {
  rows: 104_882,
  waiting: 0,
  waitingSince: null,
  checkpoint: { size: 104_880, at: now },
  verification: null,
  isOwnedByApplication: false,
}

export const auditRow = (text: string): AuditRow => ({
  seq: 7,
  at: now,
  actor: { id: text, kind: 'user', name: text },
  action: text,
  object: { type: 'dataset', id: text, name: text, href: '/datasets/ds_1' },
  outcome: 'denied',
  requestId: text,
  address: text,
})

export const entryView = (text: string): EntryView => ({
  entry: {
    seq: 7,
    at: '2026-11-21T11:31:45.000123Z',
    actorId: text,
    actorKind: 'user',
    action: text,
    objectType: 'dataset',
    objectId: text,
    outcome: 'failed',
    requestId: text,
    commitment: 'c'.repeat(64),
    leaf: 'a'.repeat(64),
    chain: 'b'.repeat(64),
    salt: '00',
    details: '{}',
  },
  canonical: text,
  isLeafRight: true,
  proof: {
    kind: 'proven',
    proof: {
      path: [
        { side: 'left', hash: 'd'.repeat(64) },
        { side: 'right', hash: 'e'.repeat(64) },
      ],
      root: 'f'.repeat(64),
      size: 9,
      signedAt: now,
      checkpoint: text,
    },
  },
  details: [['name', text]],
  detailsRemovedAt: null,
  receipt: [auditRow(text)],
})

export const nothingListed = { rows: [], isCut: false }

export const report = (text: string): ComplianceReport => {
  const actor = { id: text, kind: 'user', name: text }
  const listed = { rows: [auditRow(text)], isCut: true }
  return {
    period: { from: now, to: now },
    access: { rows: [{ actor, recordsRead: 1204, exports: 3, downloads: 0 }], isCut: true },
    failedSignIns: {
      rows: [
        { account: actor, count: 12, last: now },
        { account: null, count: 3, last: now },
      ],
      isCut: false,
    },
    denied: { rows: [{ actor, action: text, count: 2, last: now }], isCut: false },
    exports: listed,
    deletions: listed,
    roleChanges: listed,
  }
}
