import { pass } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { dsnKey } from './database.ts'

export const dbConnect = defineCheckType({
  measures: 'whether the database lets us in and answers',
  unit: 'ms',
  explains: 'self',
  onTimeout: 'failed',
  pool: 'database',
  keys: { ...dsnKey },
  judge: (_parameters, { connectedAfterMs }: { readonly connectedAfterMs: number }) =>
    pass('The database answers.', { value: connectedAfterMs }),
})
