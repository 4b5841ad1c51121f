import { randomBytes } from 'node:crypto'
import { Mapping } from '../../src/domain/datasets/mapping.ts'
import { takeOutStored } from '../../src/domain/deletion/take-out.ts'
import type { Workshop } from './engine.ts'

/** What deletions are worked with, here and now. */
export const deletionDeps = ({ db, vault }: Pick<Workshop, 'db' | 'vault'>) => ({
  db,
  vault,
  takeOut: takeOutStored(vault),
  clock: () => new Date(),
  random: randomBytes,
})

/** ShareGPT whose records say whom they are about. */
export const subjectMapping = Mapping.parse({
  shape: 'turns',
  turnsField: 'conversations',
  roleField: 'from',
  textField: 'value',
  roles: { human: 'user', gpt: 'assistant' },
  subjectField: 'patient',
})
