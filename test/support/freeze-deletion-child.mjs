// Takes the lock of a deletion, says so, and freezes while it works; woken, says how it ended.
const { url, deletionId, mostSilentMs } = JSON.parse(process.argv[2])
const { connect } = await import('../../dist/db/connection.js')
const { withDeletionLock } = await import('../../dist/db/deletions.js')
const connection = connect(url, { warn: () => {} })
const freeze = async () => {
  process.stdout.write('working\n')
  process.kill(process.pid, 'SIGSTOP')
}
const ended = await withDeletionLock(connection.db, deletionId, freeze, mostSilentMs).then(
  () => 'kept the lock',
  () => 'lost the lock',
)
process.stdout.write(`${ended}\n`)
await connection.close()
