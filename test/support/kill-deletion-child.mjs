// Works one deletion; kills itself with -9 before the n-th step that changes the disk or the database.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { killAtStep } from './kill-at-step.mjs'

const { url, folders, deletionId, killAt } = JSON.parse(process.argv[2])
const steps = killAtStep(killAt)
const query = pg.Client.prototype.query
pg.Client.prototype.query = function (...args) {
  const text = typeof args[0] === 'string' ? args[0] : (args[0]?.text ?? '')
  if (/^\s*(insert|update|delete|commit)/i.test(text)) steps.step()
  return query.apply(this, args)
}

const { openLocalVault } = await import('../../dist/adapters/local-vault.js')
const { connect } = await import('../../dist/db/connection.js')
const { takeOutStored } = await import('../../dist/domain/deletion/take-out.js')
const { performDeletion } = await import('../../dist/jobs/deletions.js')
const vault = await openLocalVault(folders)
const connection = connect(url, { warn: () => {} })
steps.begin()
await performDeletion(
  {
    db: connection.db,
    vault,
    // Here and not in a process of its own, whose steps nobody would count.
    takeOut: takeOutStored(vault),
    clock: () => new Date(),
    random: randomBytes,
  },
  deletionId,
)
const counted = steps.end()
await connection.close()
process.stdout.write(String(counted))
