import type { Person } from '../domain/auth/people.ts'
import type { Role } from '../domain/auth/user.ts'
import type { RunStatus, Stage, Target } from '../domain/pipeline/run.ts'
import type { MarkState } from './components/mark.tsx'

/** Names of the stages for people. */
export const stageName: Record<Stage, string> = {
  ingestion: 'Ingestion',
  standardization: 'Standardization',
  validation: 'Validation',
  processing: 'Processing',
  quality: 'Quality',
  export: 'Export',
}

/** Names of the roles for people. */
export const roleName: Record<Role, string> = {
  viewer: 'Viewer',
  user: 'User',
  moderator: 'Moderator',
  admin: 'Administrator',
}

/** Whether someone can sign in, for people. */
export const personStateName: Record<Person['status'], string> = {
  active: 'Active',
  invited: 'Invited',
  disabled: 'Disabled',
}

/** What each stage does, said while it waits. */
export const stagePurpose: Record<Stage, string> = {
  ingestion: 'Reads, decodes and cuts the source into shards.',
  standardization: 'Makes conversations by the mapping.',
  validation: 'Looks for clinical, privacy and bias problems.',
  processing: 'Evens out white space and Unicode, redacts what you allow.',
  quality: 'Finds duplicates, scores, accepts or rejects. Needs every shard.',
  export: 'Writes the files in the chosen formats.',
}

export const targetName: Record<Target, string> = {
  chatml: 'ChatML',
  sharegpt: 'ShareGPT',
  alpaca: 'Alpaca',
  vicuna: 'Vicuna',
  openai: 'OpenAI messages',
}

export const formatName = {
  csv: 'CSV',
  json: 'JSON',
  jsonl: 'JSONL',
  parquet: 'Parquet',
} as const

export const modeName = {
  sequential: 'Sequential',
  concurrent: 'Concurrent',
  adaptive: 'Adaptive',
} as const

export const redactionName = {
  email: 'E-mail addresses',
  phone: 'Telephone numbers',
  ssn: 'Social security numbers',
  card: 'Card numbers',
  ip: 'IP addresses',
} as const

/** Run states share their names with the marks. */
export const markOf = (status: RunStatus): MarkState => status
