// Opens a vault and does one thing with its keys; kills itself with -9 before the n-th step that changes the disk.
// A step is a call that makes, fills, renames or removes a file; a file is also cut in the middle of being filled.
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const { folders, action, killAt } = JSON.parse(process.argv[2])
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
  if (flags === 'r') return open(path, flags, ...rest)
  step()
  const file = await open(path, flags, ...rest)
  file.writeFile = async (data) => {
    const bytes = Buffer.from(data)
    const half = bytes.length >> 1
    step()
    await file.write(bytes, 0, half)
    step()
    await file.write(bytes, half)
    step()
  }
  return file
}
syncBuiltinESMExports()

const { openLocalVault } = await import('../../dist/adapters/local-vault.js')
const vault = await openLocalVault(folders)
isCounting = true
if (action === 'rotate') await vault.rotate()
else if (action === 'retire') await vault.retire(1)
else if (action === 'add a key version') await vault.addKeyVersion('ds_1')
else if (action === 'destroy a key version') await vault.destroyKeyVersion({ owner: 'ds_1', keyVersion: 1 })
else if (action === 'destroy an owner') await vault.destroyKey('ds_2')
else throw new Error(`no action ${action}`)
process.stdout.write(String(steps))
