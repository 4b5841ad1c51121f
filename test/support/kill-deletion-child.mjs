// Works one deletion; kills itself with -9 before the n-th step that changes the disk or the database.
import { randomBytes } from 'node:crypto'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import pg from 'pg'

const { url, folders, deletionId, killAt } = JSON.parse(process.argv[2])
let isCounting = false
let steps = 0
const step = () => {
  if (isCounting && ++steps === killAt) process.kill(process.pid, 'SIGKILL')
}

for (const name of ['link', 'rename', 'unlink', 'rm', 'mkdir', 'utimes']) {
  const original = fs[name]
  fs[name] = async (...args) => {
    step()
    return original(...args)
  }
}
const open = fs.open
fs.open = async (path, flags, ...rest) => {
  if (flags !== 'r') step()
  return open(path, flags, ...rest)
}
syncBuiltinESMExports()
const query = pg.Client.prototype.query
pg.Client.prototype.query = function (...args) {
  const text = typeof args[0] === 'string' ? args[0] : (args[0]?.text ?? '')
  if (/^\s*(insert|update|delete|commit)/i.test(text)) step()
  return query.apply(this, args)
}

const { openLocalVault } = await import('../../dist/adapters/local-vault.js')
const { connect } = await import('../../dist/db/connection.js')
const { takeOutStored } = await import('../../dist/domain/deletion/take-out.js')
const { performDeletion } = await import('../../dist/jobs/deletions.js')
const vault = await openLocalVault(folders)
const connection = connect(url, { warn: () => {} })
isCounting = true
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
isCounting = false
await connection.close()
process.stdout.write(String(steps))
